//! The presses on a question's notification, as the notification server tells them, and nobody else.
//!
//! Any program on the session bus can send a signal that looks like a press, and notify-rust does not look who sent it. So an
//! answer counts only from the connection that owned the server's name before the notification was shown and after it. A server
//! that tells presses to nobody but the connection that showed it is not heard here: the window is opened instead.

use std::time::Duration;

use zbus::{
    MatchRule,
    blocking::{Connection, MessageIterator, fdo::DBusProxy},
    message::Type,
    names::{BusName, MemberName, OwnedUniqueName, WellKnownName},
};

/// The server's name and interface.
const SERVER: &str = "org.freedesktop.Notifications";

/// Where it lives.
const PATH: &str = "/org/freedesktop/Notifications";

/// How long the server's own word may come after the one that is not proven.
pub(crate) const PROVEN_WITHIN: Duration = Duration::from_secs(1);

/// Listens to the server; begun before a notification is shown, so that no press is missed.
pub(crate) struct Presses {
    connection: Connection,
    server: OwnedUniqueName,
    signals: MessageIterator,
}

impl Presses {
    /// Finds out who the server is, starting it if need be, and listens to it.
    pub(crate) fn begin() -> zbus::Result<Self> {
        let connection = Connection::session()?;
        let server = owner(&connection).or_else(|_| {
            let name = WellKnownName::from_static_str(SERVER)?;
            DBusProxy::new(&connection)?.start_service_by_name(name, 0)?;
            owner(&connection)
        })?;
        let rule = MatchRule::builder().msg_type(Type::Signal).sender(server.clone())?.interface(SERVER)?.path(PATH)?.build();
        let signals = MessageIterator::for_match_rule(rule, &connection, None)?;
        Ok(Self { connection, server, signals })
    }

    /// Whether the one that is listened to is the server still: it is the one that was shown the notification.
    pub(crate) fn is_server(&self) -> bool {
        owner(&self.connection).is_ok_and(|owner| owner == self.server)
    }

    /// Ends it, from wherever.
    pub(crate) fn ending(&self) -> impl FnOnce() + Send + use<> {
        let connection = self.connection.clone();
        move || {
            let _gone_already = connection.close();
        }
    }

    /// Waits for a press on the notification with this number: what the server calls it. `None`: it was closed.
    pub(crate) fn wait(self, id: u32) -> Option<String> {
        for signal in self.signals {
            let signal = signal.ok()?;
            let header = signal.header();
            if header.sender() != Some(&*self.server) {
                continue;
            }
            match header.member().map(MemberName::as_str) {
                Some("ActionInvoked") => match signal.body().deserialize::<(u32, String)>() {
                    Ok((pressed, key)) if pressed == id => return Some(key),
                    Ok(_) | Err(_) => {}
                },
                Some("NotificationClosed") => match signal.body().deserialize::<(u32, u32)>() {
                    Ok((closed, _)) if closed == id => return None,
                    Ok(_) | Err(_) => {}
                },
                Some(_) | None => {}
            }
        }
        None
    }
}

fn owner(connection: &Connection) -> zbus::Result<OwnedUniqueName> {
    Ok(DBusProxy::new(connection)?.get_name_owner(BusName::from_static_str(SERVER)?)?)
}
