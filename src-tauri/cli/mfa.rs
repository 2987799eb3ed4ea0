//! `mfa`: seeds into the keychain, codes out of it.
//!
//! A stored seed means that nobody is asked for codes any more. Which codes were used is the agent's to know, so showing one
//! here does not use it.

use std::process::ExitCode;

use clap::Subcommand;
use stagedoor_core::{
    agent::protocol::{Request, Response},
    error::{Code, Error, Result},
    model::{mfa::TotpSeed, params::MfaSerial, secret::Secret},
    store::settings::SettingsFile,
};

use crate::{Outside, ask, print};

#[derive(Debug, Subcommand)]
pub(crate) enum MfaCommand {
    /// Store the base32 seed of an MFA device; read from a prompt or from standard input
    Add {
        serial: String,
        /// A picture of the QR code
        #[arg(long, value_name = "IMAGE")]
        qr: Option<std::path::PathBuf>,
    },
    /// Show the code of a stored device
    Code { serial: String },
    /// List the devices whose seeds are stored
    List,
}

/// Runs one of them.
pub(crate) fn run(outside: &Outside, command: MfaCommand) -> Result<ExitCode> {
    match command {
        MfaCommand::Add { serial, qr: None } => add(outside, &serial),
        MfaCommand::Add { qr: Some(_), .. } => Err(Error::new(
            Code::NotSupported,
            "Reading a QR code from a picture is not there yet",
            "Type the secret configuration key that AWS shows beside it: stagedoor mfa add SERIAL",
        )),
        MfaCommand::Code { serial } => match ask::ask(outside, &Request::MfaCode { serial })? {
            Response::Code { code, .. } => Ok(print::data(code.expose())),
            _ => Err(ask::misunderstood()),
        },
        MfaCommand::List => match ask::ask(outside, &Request::MfaDevices)? {
            Response::Names { names } if names.is_empty() => {
                print::say(&format!("No MFA device's seed is in {}.", SettingsFile::secrets_place(&outside.paths).words()));
                Ok(ExitCode::SUCCESS)
            }
            Response::Names { names } => Ok(print::data(&names.join("\n"))),
            _ => Err(ask::misunderstood()),
        },
    }
}

fn add(outside: &Outside, serial: &str) -> Result<ExitCode> {
    if let Err(error) = MfaSerial::parse(serial) {
        return Ok(print::wrong_argument(&error));
    }
    let seed = if print::is_typed() { print::prompt_secret("Secret configuration key (not shown): ")? } else { print::read_line()? };
    let seed = TotpSeed::parse(&seed)?;
    ask::ask(outside, &Request::AddTotpSeed { serial: serial.to_owned(), seed: Secret::new(seed.expose()) })?;
    print::say(&format!("The seed of {serial} is in {}; its codes are no longer asked for.", SettingsFile::secrets_place(&outside.paths).words()));
    Ok(ExitCode::SUCCESS)
}
