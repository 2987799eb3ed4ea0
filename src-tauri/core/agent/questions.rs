//! What kind of question a request is: whose files it goes by, how long it may take, whether it may be dropped half-way.
//!
//! Both sides of the socket go by it; what a request asks for is in `protocol`, what is done about it in `serving`.

use std::{path::Path, time::Duration};

use super::protocol::{Line, Request};
use crate::paths::Paths;

impl<'a> Line<&'a Request> {
    /// A question of a program that goes by these paths.
    pub fn asked(request: &'a Request, paths: &Paths) -> Self {
        let told = |path: &Path| std::path::absolute(path).ok()?.into_os_string().into_string().ok();
        let files = || Some([told(&paths.aws_config)?, told(&paths.aws_credentials)?]);
        Self { files: if request.reads_files() { files() } else { None }, ..Self::new(request) }
    }
}

impl Request {
    /// Whether it may be dropped half-way when whoever asked is gone: it hands something out, and changes nothing that is kept.
    pub const fn may_be_left(&self) -> bool {
        matches!(self, Self::CredentialProcess { .. } | Self::Exec { .. } | Self::Endpoint { .. } | Self::Environment { .. } | Self::Console { .. })
    }

    /// Whether it names a profile whose meaning the AWS files decide, or changes them.
    const fn reads_files(&self) -> bool {
        self.may_be_left()
            || matches!(
                self,
                Self::Start { .. }
                    | Self::WhoAmI { .. }
                    | Self::AddAccessKey { .. }
                    | Self::Import { .. }
                    | Self::Files { .. }
                    | Self::Setup { .. }
                    | Self::Ask { .. }
                    | Self::Lease { .. }
                    | Self::WriteFile { .. }
            )
    }

    /// How long an agent that works may take over it.
    pub const fn patience(&self) -> Duration {
        match self {
            Self::Hello => Duration::from_secs(5),
            Self::Status
            | Self::Activity { .. }
            | Self::MfaCode { .. }
            | Self::MfaDevices
            | Self::Leases
            | Self::Stop { .. }
            | Self::StopAll
            | Self::StopLease { .. }
            | Self::WriteFileNoMore { .. }
            | Self::Lock
            | Self::ShowWindow => Duration::from_secs(30),
            // A person may be asked, AWS may be slow, and a passphrase takes its time.
            _ => Duration::from_secs(100),
        }
    }
}
