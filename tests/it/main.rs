//! The one integration binary: a module per capability.
//!
//! One binary, because each links the whole library. Tests that need a session bus and a keyring make their own and run on Linux;
//! those that are ignored are steps which other tests start in a process of their own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod agent_activity;
#[cfg(target_os = "linux")]
mod agent_approval;
#[cfg(target_os = "linux")]
mod agent_approval_kinds;
mod agent_clock;
mod agent_credentials_file;
mod agent_delivery;
mod agent_endpoint;
mod agent_endpoint_hostile;
#[cfg(target_os = "linux")]
mod agent_endpoint_sdk;
mod agent_files;
mod agent_home;
#[cfg(target_os = "linux")]
mod agent_hostile;
mod agent_issuing;
mod agent_lease;
mod agent_lease_bounds;
mod agent_lease_locked;
mod agent_lock;
mod agent_network;
mod agent_practice;
#[cfg(target_os = "linux")]
mod agent_private;
#[cfg(unix)]
mod agent_profiles;
#[cfg(target_os = "linux")]
mod agent_prompt;
mod agent_renewal;
mod agent_restart;
mod agent_secrets;
#[cfg(target_os = "linux")]
mod agent_socket;
mod agent_tap;
mod agent_thousand;
mod agent_trouble;
#[cfg(unix)]
mod aws_editors;
mod aws_edits;
mod aws_files;
mod aws_hands;
mod aws_lossless;
#[cfg(target_os = "linux")]
mod bus;
mod doctor;
mod doctor_more;
#[path = "../fuzz/endpoint.rs"]
mod fuzz_endpoint;
#[path = "../fuzz/files.rs"]
mod fuzz_files;
#[path = "../fuzz/input.rs"]
mod fuzz_input;
#[path = "../fuzz/protocol.rs"]
mod fuzz_protocol;
mod fuzzing;
mod hostile_answers;
mod hostile_sts;
#[cfg(target_os = "linux")]
mod keychain;
mod oidc_provider;
mod practice;
mod practice_conditions;
mod practice_doc;
mod practice_eventual;
mod practice_hostile;
mod practice_iam;
mod practice_kept;
mod practice_limits;
mod practice_profiles;
mod practice_providers;
mod practice_raw;
mod practice_record;
mod practice_reports;
mod practice_rules;
mod practice_s3;
mod practice_saml;
mod practice_simulation;
mod practice_trail;
mod practice_web_identity;
mod practice_wire;
mod saml_provider;
mod scenario_calls;
mod scenarios;
mod setup_change;
mod setup_claims;
mod setup_crash;
mod setup_group;
mod setup_home;
mod setup_import;
mod setup_leave;
mod setup_revoke;
mod setup_role;
mod setup_rotate;
mod setup_rotate_crash;
mod setup_user;
#[cfg(unix)]
mod shells;
mod tidy;
mod vault;
mod vault_lost;
mod vault_moves;
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "the tests that use all of it run on Linux"))]
mod world;
