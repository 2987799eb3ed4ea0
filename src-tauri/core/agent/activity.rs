//! Activity: what is written down of every request, in memory at once and on disk soon after.
//!
//! Whoever waits for credentials does not wait for the disk: a line is queued, and the task beside the requests writes what has
//! come together, at least every half second while there is something to write, and at the end. A disk that takes nothing is
//! told as a problem; delivery goes on and the lines wait in memory, the oldest of too many being lost.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::{Agent, Asker, issuing::Got, repeats::Repeats};
use crate::{
    error::{Code, Error, Result},
    model::{
        access_key::AccessKeyId,
        activity::{ActivityLine, ActivityOutcome, ActivityPage, ActivityQuery, AnsweredFrom, shown, without_secrets},
        profile::ProfileName,
    },
    paths::Paths,
    store::{aws_files::AwsFiles, files, record::Record},
};

/// Lines that come within this long are written together.
const TOGETHER: Duration = Duration::from_millis(500);

/// A disk that took nothing is tried again after this long.
const AGAIN: Duration = Duration::from_secs(10);

/// How many lines wait for a disk that takes nothing.
const WAITING: usize = 5_000;

/// How much of the record is looked at for the profiles' own lists, at the start.
const LOOKED_AT: usize = 1_000;

/// How something was answered.
#[derive(Clone, Copy)]
pub(super) enum How<'a> {
    /// There is this to say.
    Said(&'a str),
    /// With these credentials.
    Got(&'a Got, Instant),
    /// With this access key, from memory or not.
    Given(&'a AccessKeyId, bool, Instant),
    /// With the long-lived access key itself.
    AccessKey(&'a AccessKeyId),
    /// Not at all.
    Refused(&'a Error, Instant),
}

impl<'a> From<&'a str> for How<'a> {
    fn from(said: &'a str) -> Self {
        Self::Said(said)
    }
}

impl<'a> From<&'a String> for How<'a> {
    fn from(said: &'a String) -> Self {
        Self::Said(said)
    }
}

/// The record and what has yet to be written to it.
#[derive(Debug)]
pub(super) struct Activity {
    record: Record,
    waiting: Mutex<Waiting>,
    /// One writer at a time.
    writing: tokio::sync::Mutex<()>,
    noted: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<ActivityLine>,
    /// Refusals that came again.
    repeats: Repeats,
    /// The number of the newest line.
    newest: u64,
    /// How many lines were lost because the disk took nothing.
    lost: usize,
}

impl Activity {
    pub(super) fn new(paths: &Paths) -> Self {
        Self { record: Record::new(paths), waiting: Mutex::default(), writing: tokio::sync::Mutex::default(), noted: Notify::new() }
    }

    /// The number of the newest line: another number, and there is news.
    pub(super) fn newest(&self) -> u64 {
        self.waiting().newest
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what was noted, until the agent closes.
pub(super) async fn recording(agent: &Agent) {
    let activity = &agent.0.activity;
    loop {
        let (nothing, next) = {
            let waiting = activity.waiting();
            (waiting.lines.is_empty(), waiting.repeats.next())
        };
        if nothing {
            let over = async {
                match next {
                    Some(at) => agent.0.aws.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = activity.noted.notified() => tokio::time::sleep(TOGETHER).await,
                () = over => {}
            }
        } else {
            // Lines that came while others were written are no sign of a disk that takes nothing.
            let refused = agent.problems().activity.is_some();
            tokio::time::sleep(if refused { AGAIN } else { TOGETHER }).await;
        }
        let now = agent.now();
        agent.put_on_record(agent.files().ok().as_deref(), |repeats| repeats.over(now));
        agent.write_activity().await;
    }
}

impl Agent {
    /// Writes down what somebody asked for and what came of it. Only profiles that exist have a list of their own.
    pub(super) fn note<'a>(&self, profile: &ProfileName, asker: &Asker, what: &str, how: impl Into<How<'a>>) {
        self.note_of(self.files().ok().as_ref(), profile, asker, what, how);
    }

    /// The same, where the files were looked at for this very request.
    pub(super) fn note_of<'a>(&self, files: Option<&Arc<AwsFiles>>, profile: &ProfileName, asker: &Asker, what: &str, how: impl Into<How<'a>>) {
        let found = files.and_then(|files| files.profile(profile));
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| shown(&path.to_string_lossy()));
        let mut line = ActivityLine {
            n: 0,
            at: self.now(),
            profile: shown(profile.as_str()),
            role_arn: found.and_then(|found| found.get("role_arn")).map(shown),
            who: shown(&asker.name),
            pid: asker.pid,
            executable: path(&asker.executable),
            parent: path(&asker.parent_executable()),
            what: shown(what),
            access_key_id: None,
            outcome: ActivityOutcome::Ok,
            answered_from: None,
            code: None,
            message: None,
            duration_ms: None,
        };
        let took = |began: Instant| u64::try_from(began.elapsed().as_millis()).ok();
        let given = |line: &mut ActivityLine, id: &AccessKeyId, from_memory: bool, began| {
            line.access_key_id = Some(id.clone());
            line.answered_from = Some(if from_memory { AnsweredFrom::Memory } else { AnsweredFrom::Aws });
            line.duration_ms = took(began);
        };
        match how.into() {
            How::Said(said) => {
                line.message = Some(said).filter(|said| !said.is_empty()).map(|said| shown(&without_secrets(said)));
                line.access_key_id = self.held_key(profile);
            }
            How::Got(Got { held, from_memory, .. }, began) => given(&mut line, &held.credentials.access_key_id, *from_memory, began),
            How::Given(id, from_memory, began) => given(&mut line, id, from_memory, began),
            How::AccessKey(id) => {
                line.access_key_id = Some(id.clone());
                line.answered_from = Some(AnsweredFrom::AccessKey);
            }
            How::Refused(error, began) => {
                line.outcome = ActivityOutcome::Refused;
                line.code = Some(error.code);
                line.message = Some(shown(&without_secrets(&error.message)));
                line.duration_ms = took(began);
            }
        }
        let now = line.at;
        self.put_on_record(files.map(|files| &**files), |repeats| repeats.take(line, now));
        self.0.activity.noted.notify_one();
    }

    /// All refusals that were only counted yet, at the end.
    pub(super) fn tell_repeats(&self) {
        let now = self.now();
        self.put_on_record(self.files().ok().as_deref(), |repeats| repeats.all(now));
    }

    /// Numbers lines, lets them wait for the disk, and puts them into their profiles' lists.
    fn put_on_record(&self, files: Option<&AwsFiles>, lines: impl FnOnce(&mut Repeats) -> Vec<ActivityLine>) {
        let mut waiting = self.0.activity.waiting();
        let mut lines = lines(&mut waiting.repeats);
        for line in &mut lines {
            waiting.newest += 1;
            line.n = waiting.newest;
            waiting.lines.push_back(line.clone());
        }
        drop(waiting);
        if lines.is_empty() {
            return;
        }
        for line in lines {
            let profile = ProfileName::new(&line.profile);
            if files.is_some_and(|files| files.profile(&profile).is_some()) {
                self.state().note(&profile, line.view());
            }
        }
        self.0.activity.noted.notify_one();
    }

    fn held_key(&self, profile: &ProfileName) -> Option<AccessKeyId> {
        let state = self.state();
        Some(state.sessions.get(profile)?.held.as_ref()?.credentials.access_key_id.clone())
    }

    /// What is on record, newest first.
    pub async fn activity(&self, query: ActivityQuery) -> Result<ActivityPage> {
        self.write_activity().await;
        let unwritten: Vec<_> = self.0.activity.waiting().lines.iter().cloned().collect();
        let record = self.0.activity.record.clone();
        blocking(move || record.read(&query, &unwritten)).await
    }

    /// Writes what is asked for, oldest first, into a new file of JSON lines in the person's folder for downloads; where it is.
    pub async fn export_activity(&self, query: ActivityQuery) -> Result<PathBuf> {
        let mut lines = Vec::new();
        let mut before = query.before;
        loop {
            let page = self.activity(ActivityQuery { before, limit: None, ..query.clone() }).await?;
            before = page.lines.last().map(|line| line.n);
            lines.extend(page.lines);
            if !page.more {
                break;
            }
        }
        let home = &self.0.parts.paths.home;
        let downloads = home.join("Downloads");
        let folder = if downloads.is_dir() { downloads } else { home.clone() };
        let day = self.now().date();
        blocking(move || {
            let name = |number: u32| format!("stagedoor-activity-{day}{}.jsonl", if number == 1 { String::new() } else { format!("-{number}") });
            let path = (1..=u32::MAX).map(|number| folder.join(name(number))).find(|path| path.symlink_metadata().is_err()).unwrap_or_default();
            let mut text = Vec::new();
            for line in lines.iter().rev() {
                serde_json::to_writer(&mut text, line).map_err(|error| Error::file("write", &path, &error.into()))?;
                text.push(b'\n');
            }
            files::write_atomic(&path, &text).map(|()| path)
        })
        .await
    }

    /// Takes the record of earlier runs over: where the numbers go on, and the last lines of each profile.
    pub(super) async fn recall_activity(&self) {
        let record = self.0.activity.record.clone();
        let read = blocking(move || record.read(&ActivityQuery { limit: Some(LOOKED_AT), ..ActivityQuery::default() }, &[])).await;
        match read {
            Ok(page) => {
                self.0.activity.waiting().newest = page.lines.first().map_or(0, |line| line.n);
                let files = self.files().ok();
                let mut state = self.state();
                for line in page.lines.iter().rev() {
                    let profile = ProfileName::new(&line.profile);
                    if files.as_ref().is_some_and(|files| files.profile(&profile).is_some()) {
                        state.note(&profile, line.view());
                    }
                }
            }
            Err(error) => self.problems().activity = Some(error),
        }
    }

    /// Writes what waits. What cannot be written waits on.
    pub(super) async fn write_activity(&self) {
        let activity = &self.0.activity;
        let _one = activity.writing.lock().await;
        let lines: Vec<_> = activity.waiting().lines.iter().cloned().collect();
        let Some(last) = lines.last().map(|line| line.n) else { return };
        let (record, now) = (activity.record.clone(), self.now());
        let written = blocking(move || record.add(&lines, now)).await;
        let problem = {
            let mut waiting = activity.waiting();
            if written.is_ok() {
                waiting.lines.retain(|line| line.n > last);
                waiting.lost = 0;
            }
            let surplus = waiting.lines.len().saturating_sub(WAITING);
            waiting.lines.drain(..surplus);
            waiting.lost += surplus;
            let lost = waiting.lost;
            written.err().map(|error| if lost == 0 { error } else { Error { message: format!("{} ({lost} lines are lost)", error.message), ..error } })
        };
        let mut problems = self.problems();
        let news = problems.activity != problem;
        problems.activity = problem;
        drop(problems);
        if news {
            self.0.touched.notify_one();
        }
    }
}

/// Does what may wait for a disk where nobody else waits for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Error::new(Code::File, "The record of activity could not be used", "Try again")))
}
