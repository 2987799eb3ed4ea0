//! AWS's own SDK for Rust, led to the container endpoint by `exec --endpoint`, with a `[default]` profile in its way.
//!
//! The command that `exec` becomes is this very binary: its ignored test asks STS who it is, with the SDK's default chain and
//! nothing configured. The AWS CLI and boto3 do the same in `tests/acceptance`.

use aws_config::BehaviorVersion;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

use crate::agent_socket::Whole;

#[tokio::test]
#[ignore = "started by the test below, as the command of exec"]
#[expect(clippy::print_stdout, reason = "how it tells what it saw")]
async fn one_step() {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
    let identity = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await.unwrap();
    println!("ARN {}", identity.arn().unwrap());
}

#[test]
fn the_sdk_for_rust_gets_its_credentials_there() {
    let whole = Whole::new();
    let own = std::env::current_exe().unwrap();
    let asks = |with: &str| {
        let mut command = whole.world.command("stagedoor");
        command.args(["exec", "partner", "--endpoint", "--"]).arg(&own);
        command.args(["--exact", "agent_endpoint_sdk::one_step", "--ignored", "--nocapture"]);
        // Of another session, of another account, of a web identity: all of them would win.
        command.envs([("AWS_ACCESS_KEY_ID", "AKIASTALESTALESTALE0"), ("AWS_SECRET_ACCESS_KEY", "stale"), ("AWS_SESSION_TOKEN", "stale")]);
        command.envs([("AWS_PROFILE", "nobody"), ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/stale"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "/stale")]);
        command.envs([("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/stale"), ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/stale")]);
        command.envs([("HTTP_PROXY", "http://127.0.0.1:1"), ("http_proxy", "http://127.0.0.1:1")]);
        let output = command.output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out.contains("ARN arn:aws:sts:") && out.contains(":assumed-role/"), "{with}: {out}\n{err}");
    };
    asks("no default profile");
    let config = std::fs::read_to_string(whole.world.path(".aws/config")).unwrap();
    whole.world.aws_config(&format!("[default]\naws_access_key_id = AKIADEFAULTDEFAULT00\naws_secret_access_key = default\n{config}"));
    asks("a default profile with keys in the config file");
    whole.world.aws_config(&config);
    whole.world.aws_credentials("[default]\naws_access_key_id = AKIADEFAULTDEFAULT00\naws_secret_access_key = default\n");
    asks("a default profile with keys in the credentials file");
}
