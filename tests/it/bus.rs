//! The private session bus of a [`World`] and the real GNOME Keyring on it.
//!
//! The bus has no service files, so nothing of the developer's desktop is started on it; what a test wants there, it puts
//! there. Calls go through zbus on a thread of their own, because its blocking form must not run inside a runtime.

use std::{collections::HashMap, io::Write as _, process::Stdio, thread, time::Duration};

use zbus::{
    blocking::{Connection, connection, fdo::DBusProxy},
    names::BusName,
    zvariant::{OwnedObjectPath, OwnedValue},
};

use crate::world::World;

/// How long a daemon may take to appear; far beyond what it needs, so that only a real failure gets here.
const PATIENCE: Duration = Duration::from_secs(20);
const SECRETS: &str = "org.freedesktop.secrets";
const ROOT: &str = "/org/freedesktop/secrets";
const SERVICE: &str = "org.freedesktop.Secret.Service";

impl World {
    /// A home with a private session bus on which nobody is yet.
    pub(crate) fn with_bus() -> Self {
        let mut world = Self::new();
        let socket = world.path("bus");
        let config = format!(
            "<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth><policy context=\"default\">\
             <allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
            socket.display()
        );
        world.write("bus.conf", &config);
        let mut command = world.command("dbus-daemon");
        command
            .args(["--nofork", "--print-address"])
            .arg(format!("--config-file={}", world.path("bus.conf").display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let daemon = world.start(&mut command, "dbus-daemon");
        // It prints its address when it listens.
        let mut address = String::new();
        let out = daemon.stdout.take().expect("its output");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut address).expect("its address");
        let address = address.trim().to_owned();
        assert!(!address.is_empty(), "dbus-daemon ended at once");
        world.env("DBUS_SESSION_BUS_ADDRESS", address.clone());
        world.bus_address = Some(address);
        world
    }

    /// A home with a private session bus and an unlocked GNOME Keyring, empty.
    pub(crate) fn with_keyring() -> Self {
        let mut world = Self::with_bus();
        world.start_keyring(Some("a test's password"));
        world
    }

    /// Starts GNOME Keyring on the bus. With a password it makes its default keyring or unlocks the one that is there.
    pub(crate) fn start_keyring(&mut self, password: Option<&str>) {
        let mut command = self.command("gnome-keyring-daemon");
        command.args(["--foreground", "--components=secrets"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.args(password.map(|_| "--unlock"));
        let daemon = self.start(&mut command, "gnome-keyring");
        let mut input = daemon.stdin.take().expect("its input");
        input.write_all(password.unwrap_or_default().as_bytes()).expect("it reads its password");
        drop(input);
        self.wait_for(SECRETS);
    }

    /// Returns when somebody owns `name` on the bus.
    pub(crate) fn wait_for(&self, name: &str) {
        let name = name.to_owned();
        self.on_bus(move |connection| {
            let bus = DBusProxy::new(connection).expect("the bus itself");
            let mut changes = bus.receive_name_owner_changed_with_args(&[(0, name.as_str())]).expect("its signals");
            if bus.name_has_owner(BusName::try_from(name.as_str()).expect("a bus name")).expect("an answer") {
                return;
            }
            let change = changes.next().expect("the bus stays");
            assert!(change.args().expect("its arguments").new_owner().is_some());
        });
    }

    /// Locks the default keyring; its password is needed from now on.
    pub(crate) fn lock_keyring(&self) {
        self.on_bus(|connection| {
            let alias = connection.call_method(Some(SECRETS), ROOT, Some(SERVICE), "ReadAlias", &"default").expect("ReadAlias");
            let collection: OwnedObjectPath = alias.body().deserialize().expect("a collection");
            let locked = connection.call_method(Some(SECRETS), ROOT, Some(SERVICE), "Lock", &[collection.as_ref()].as_slice()).expect("Lock");
            let (locked, _prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = locked.body().deserialize().expect("what was locked");
            assert_eq!(locked, [collection]);
        });
    }

    /// The labels of the keyring's entries with this attribute: what a person reads in Seahorse. Sorted.
    pub(crate) fn labels(&self, attribute: &str, value: &str) -> Vec<String> {
        let (attribute, value) = (attribute.to_owned(), value.to_owned());
        self.on_bus(move |connection| {
            let wanted = HashMap::from([(attribute.as_str(), value.as_str())]);
            let answer = connection.call_method(Some(SECRETS), ROOT, Some(SERVICE), "SearchItems", &wanted).expect("SearchItems");
            let (mut items, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) = answer.body().deserialize().expect("items");
            items.extend(locked);
            let label = |item: &OwnedObjectPath| {
                let wanted = ("org.freedesktop.Secret.Item", "Label");
                let answer = connection.call_method(Some(SECRETS), item, Some("org.freedesktop.DBus.Properties"), "Get", &wanted).expect("Get");
                let value: OwnedValue = answer.body().deserialize().expect("a value");
                String::try_from(value).expect("a text")
            };
            let mut labels: Vec<_> = items.iter().map(label).collect();
            labels.sort();
            labels
        })
    }

    /// Does `work` with a connection of its own, on a thread of its own.
    pub(crate) fn on_bus<R: Send>(&self, work: impl FnOnce(&Connection) -> R + Send) -> R {
        let address = self.bus_address.clone().expect("a world with a bus");
        let connected = move || {
            // zbus spawns what serves an object onto the runtime of the thread that asks for it.
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
            let _entered = runtime.enter();
            let connection =
                connection::Builder::address(address.as_str()).and_then(|builder| builder.method_timeout(PATIENCE).build()).expect("the bus answers");
            work(&connection)
        };
        thread::scope(|scope| scope.spawn(connected).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
