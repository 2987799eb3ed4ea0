//! A desktop's D-Bus, in this process: the tray's watcher and the notification server, on a private bus.
//!
//! The app finds both as it would on a real desktop. The menu is read and pressed through `com.canonical.dbusmenu`, as a
//! panel does it; notifications are kept and answered.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use zbus::{
    Connection, interface,
    message::Header,
    object_server::SignalEmitter,
    proxy,
    zvariant::{OwnedObjectPath, OwnedValue, Value},
};

use crate::world::until;

#[derive(Default, Clone)]
struct Watcher {
    items: Arc<Mutex<Vec<(String, String)>>>,
}

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: &str, #[zbus(header)] header: Header<'_>) {
        let sender = header.sender().expect("a sender").to_string();
        let item = if service.starts_with('/') { (sender, service.to_owned()) } else { (service.to_owned(), "/StatusNotifierItem".to_owned()) };
        self.items.lock().unwrap().push(item);
    }
    fn register_status_notifier_host(&self, _service: &str) {}
    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }
    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.items.lock().unwrap().iter().map(|(name, path)| format!("{name}{path}")).collect()
    }
}

/// One notification, as the app sent it.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    /// The server's number for it.
    pub(crate) id: u32,
    /// The title.
    pub(crate) summary: String,
    /// The text.
    pub(crate) body: String,
    /// Keys and labels, alternating.
    pub(crate) actions: Vec<String>,
}

#[derive(Default, Clone)]
struct Notifier {
    notes: Arc<Mutex<Vec<Note>>>,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Notifier {
    fn get_capabilities(&self) -> Vec<String> {
        ["actions", "body", "persistence"].map(String::from).to_vec()
    }
    fn get_server_information(&self) -> (String, String, String, String) {
        ("desktop".into(), "test".into(), "1".into(), "1.2".into())
    }
    fn notify(
        &self,
        _app: String,
        replaces: u32,
        _icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        let mut notes = self.notes.lock().unwrap();
        let id = if replaces > 0 { replaces } else { u32::try_from(notes.len()).unwrap() + 1 };
        notes.push(Note { id, summary, body, actions });
        id
    }
    async fn close_notification(&self, id: u32, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        let _ = Self::notification_closed(&emitter, id, 3).await;
    }
    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, key: &str) -> zbus::Result<()>;
    #[zbus(signal)]
    async fn notification_closed(emitter: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;
}

#[proxy(interface = "org.kde.StatusNotifierItem", assume_defaults = false)]
trait TrayItem {
    #[zbus(property)]
    fn menu(&self) -> zbus::Result<OwnedObjectPath>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn icon_name(&self) -> zbus::Result<String>;
}

type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

#[proxy(interface = "com.canonical.dbusmenu", assume_defaults = false)]
trait DbusMenu {
    fn get_layout(&self, parent: i32, depth: i32, properties: &[&str]) -> zbus::Result<(u32, Layout)>;
    // Whoever quits owes nobody an answer.
    #[zbus(no_reply)]
    fn event(&self, id: i32, event: &str, data: &Value<'_>, timestamp: u32) -> zbus::Result<()>;
}

/// An entry of the tray's menu as a panel shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    id: i32,
    /// The labels from the top to it.
    pub(crate) path: Vec<String>,
}

/// The desktop's side of the bus.
pub(crate) struct Bus {
    connection: Connection,
    /// Another program of the same user, on the same bus.
    stranger: Connection,
    watcher: Watcher,
    notifier: Notifier,
}

impl Bus {
    /// Owns the names; do so before the app starts.
    pub(crate) async fn join(address: &str) -> Self {
        let (watcher, notifier) = (Watcher::default(), Notifier::default());
        let connection = zbus::connection::Builder::address(address)
            .unwrap()
            .name("org.kde.StatusNotifierWatcher")
            .unwrap()
            .name("org.freedesktop.Notifications")
            .unwrap()
            .serve_at("/StatusNotifierWatcher", watcher.clone())
            .unwrap()
            .serve_at("/org/freedesktop/Notifications", notifier.clone())
            .unwrap()
            .build()
            .await
            .expect("a private bus");
        let stranger = zbus::connection::Builder::address(address).unwrap().build().await.expect("the same bus");
        Self { connection, stranger, watcher, notifier }
    }

    /// Waits until somebody owns a name.
    pub(crate) async fn owned(&self, name: &str) {
        let bus = zbus::fdo::DBusProxy::new(&self.connection).await.unwrap();
        until("a service on the bus", async || bus.name_has_owner(name.try_into().unwrap()).await.unwrap_or(false).then_some(())).await;
    }

    async fn item(&self) -> (TrayItemProxy<'_>, DbusMenuProxy<'_>) {
        let (name, path) = until("the tray icon", async || self.watcher.items.lock().unwrap().last().cloned()).await;
        let item = TrayItemProxy::builder(&self.connection).destination(name.clone()).unwrap().path(path).unwrap().build().await.unwrap();
        let menu = until("the tray's menu", async || item.menu().await.ok()).await;
        let menu = DbusMenuProxy::builder(&self.connection).destination(name).unwrap().path(menu).unwrap().build().await.unwrap();
        (item, menu)
    }

    /// How many icons were put into the panel so far.
    pub(crate) fn icons(&self) -> usize {
        self.watcher.items.lock().unwrap().len()
    }

    /// The file of the icon that is shown.
    pub(crate) async fn icon(&self) -> String {
        self.item().await.0.icon_name().await.unwrap()
    }

    /// The menu, as a panel would draw it.
    pub(crate) async fn menu(&self) -> Vec<Shown> {
        let (_, menu) = self.item().await;
        let (_, root) = menu.get_layout(0, -1, &[]).await.unwrap();
        let mut shown = Vec::new();
        flatten(&root, &[], &mut shown);
        shown
    }

    /// The labels at the top of the menu.
    pub(crate) async fn labels(&self) -> Vec<String> {
        self.menu().await.into_iter().filter(|shown| shown.path.len() == 1).map(|shown| shown.path[0].clone()).collect()
    }

    /// Waits for an entry whose label begins with `label` and returns the whole label.
    pub(crate) async fn wait_for(&self, label: &str) -> String {
        until(label, async || self.labels().await.into_iter().find(|shown| shown.starts_with(label))).await
    }

    /// Presses an entry, found by the beginnings of the labels that lead to it.
    pub(crate) async fn press(&self, path: &[&str]) {
        let entry = until(&path.join(" > "), async || {
            let matches = |shown: &Shown| shown.path.len() == path.len() && shown.path.iter().zip(path).all(|(shown, wanted)| shown.starts_with(wanted));
            self.menu().await.into_iter().find(matches)
        })
        .await;
        let (_, menu) = self.item().await;
        menu.event(entry.id, "clicked", &Value::from(0_i32), 0).await.unwrap();
    }

    /// Waits for a notification whose summary begins with `summary`.
    pub(crate) async fn note(&self, summary: &str) -> Note {
        until(summary, async || self.notifier.notes.lock().unwrap().iter().rev().find(|note| note.summary.starts_with(summary)).cloned()).await
    }

    /// Presses a notification's button, which leaves the notification open: who shows it may not listen yet.
    pub(crate) async fn invoke(&self, note: &Note, label: &str) {
        let action = note.actions.chunks(2).find(|action| action.get(1).is_some_and(|shown| shown == label) && action[0] != "default");
        let emitter = SignalEmitter::new(&self.connection, "/org/freedesktop/Notifications").unwrap();
        Notifier::action_invoked(&emitter, note.id, &action.expect("the action")[0]).await.unwrap();
    }

    /// Another program says that every button of every notification was pressed, and that they are closed; the bus has it by now.
    pub(crate) async fn forge(&self) {
        let emitter = SignalEmitter::new(&self.stranger, "/org/freedesktop/Notifications").unwrap();
        for id in 1..=30 {
            for key in ["second", "third"] {
                Notifier::action_invoked(&emitter, id, key).await.unwrap();
            }
            Notifier::notification_closed(&emitter, id, 2).await.unwrap();
        }
        zbus::fdo::DBusProxy::new(&self.stranger).await.unwrap().get_id().await.unwrap();
    }

    /// Presses a notification's button.
    pub(crate) async fn answer(&self, note: &Note, label: &str) {
        let key =
            note.actions.chunks(2).find(|action| action.get(1).is_some_and(|shown| shown == label) && action[0] != "default").expect("the action")[0].clone();
        let emitter = SignalEmitter::new(&self.connection, "/org/freedesktop/Notifications").unwrap();
        Notifier::action_invoked(&emitter, note.id, &key).await.unwrap();
        Notifier::notification_closed(&emitter, note.id, 2).await.unwrap();
    }
}

fn flatten(layout: &Layout, above: &[String], out: &mut Vec<Shown>) {
    // Panels draw `__` as `_`: one alone would be a mnemonic.
    let label = layout.1.get("label").and_then(|value| String::try_from(value.try_clone().unwrap()).ok()).unwrap_or_default().replace("__", "_");
    let mut path = above.to_vec();
    if layout.0 != 0 {
        path.push(label);
        out.push(Shown { id: layout.0, path: path.clone() });
    }
    for child in &layout.2 {
        let child: Layout = Layout::try_from(child.try_clone().unwrap()).expect("a layout");
        flatten(&child, &path, out);
    }
}
