// What the window shows: the last snapshot, the clock, and the little that is the window's own (what is selected, what is
// searched, which sheet is open). It decides nothing about credentials; it asks the host and shows what the host says.

import { createContext } from 'svelte';
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { asHostError, type CallerIdentity, type FileEdit, type Host, type HostError, type HostEvent, type ProfileView, type PromptAnswer, type PromptView, type Settings, type Snapshot, type VersionLine } from './host';
import { time } from './labels';
import { Insight } from './insight.svelte';
import { Practice } from './practice.svelte';
import { nextPrompt } from './prompts';
import { groupRows, indexProfiles, neighbour, searchRows, type Index, type Row } from './rows';
import { Setup } from './setup.svelte';

export type Section = 'sessions' | 'setup' | 'insight' | 'settings' | 'practice';

/** What floats above the window; one at a time. */
export type Sheet =
  /** With `prompt` where programs wait for the code. */
  | { kind: 'mfa'; profile: string; serial: string; resume: Resume | null; prompt?: number }
  | { kind: 'approval'; prompt: number }
  | { kind: 'seed'; serial: string; profile: string | null }
  | { kind: 'add-key' }
  | { kind: 'add-role' }
  | { kind: 'file-edit'; edit: FileEdit; title: string; done: string; undo?: () => void }
  | { kind: 'file-version'; version: VersionLine }
  | { kind: 'lease'; profile: string }
  | { kind: 'palette' }
  | { kind: 'problems' }
  | { kind: 'practice' }
  | { kind: 'script'; title: string; text: string }
  | { kind: 'vault'; wish: 'make' | 'passphrase' | 'leave' };

/** What was wanted when a code turned out to be needed, and what to say once it is done. */
export interface Resume {
  act: () => Promise<void>;
  done: string | null;
  /** Where the code goes along with what was wanted, instead of starting the profile. */
  withCode?: (code: string) => Promise<void>;
}

export interface Toast {
  id: number;
  text: string;
  hint: string;
  tone: 'done' | 'soon' | 'bad';
  action: { label: string; run: () => void } | null;
  /** What it says holds only as long as this does. */
  holds?: (snapshot: Snapshot) => boolean;
}

/** How a code was taken. */
export type CodeOutcome = { taken: true } | { taken: false; error: HostError; at: number };

const MEMORY = 'stagedoor.window';
const TOAST_FOR = 6_000;
const sections: readonly Section[] = ['sessions', 'setup', 'insight', 'settings', 'practice'];

export class Ui {
  readonly host: Host;
  snapshot: Snapshot = $state.raw()!;
  now = $state(0);
  section: Section = $state('sessions');
  selected: string | null = $state(null);
  /** Below 720 px the detail replaces the list. */
  detailOpen = $state(false);
  query = $state('');
  sheet: Sheet | null = $state.raw(null);
  toasts: Toast[] = $state.raw([]);
  /** Profiles that something is being done with. */
  readonly busy = new SvelteSet<string>();
  /** What last failed, for each profile, until it works or is put away. */
  readonly failures = new SvelteMap<string, HostError>();
  readonly identities = new SvelteMap<string, CallerIdentity>();
  readonly practice: Practice;
  readonly insight: Insight;
  readonly setup: Setup;
  /** Where the list was left. */
  scroll = 0;
  /** Puts the focus into the list, once there is one. */
  focusList: () => void = () => {};
  focusSearch: () => void = () => {};
  #toastId = 0;
  /** Questions that were answered here and may still be in the snapshot. */
  #settled = new Set<number>();
  #settings: Settings | null = null;
  #byName = $derived(new Map(this.snapshot.profiles.map((it) => [it.name, it])));
  #indexed: { of: readonly ProfileView[]; index: Index } | null = null;
  #found = $derived(this.query.trim() === '' ? null : searchRows(this.#index(), this.query));
  /** Where access keys and seeds go: the place that counts. */
  readonly kept = $derived(this.snapshot.secrets.place === 'vault' ? 'the vault' : 'the keychain');
  readonly rows: Row[] = $derived(this.#found?.rows ?? groupRows(this.snapshot.profiles));
  /** How many profiles match the search; `null` when nothing is searched. */
  readonly found: number | null = $derived(this.#found?.total ?? null);
  readonly profile: ProfileView | null = $derived((this.selected === null ? null : this.#byName.get(this.selected)) ?? null);

  constructor(host: Host, snapshot: Snapshot) {
    this.host = host;
    this.practice = new Practice(host);
    this.insight = new Insight(host);
    this.setup = new Setup(host);
    this.snapshot = snapshot;
    this.now = this.#awsTime();
    this.#recall();
    if (!this.profile) {
      this.selected = neighbour(this.rows, null, 1);
      this.scroll = 0;
    }
    this.#applyTheme();
    this.#offer();
  }

  /** Now as AWS counts it, as the moments in a snapshot are. */
  #awsTime(): number {
    return this.host.now() + this.snapshot.agent.clock_offset_seconds * 1000;
  }

  /** What this computer's clock shows. */
  get here(): number {
    return this.now - this.snapshot.agent.clock_offset_seconds * 1000;
  }

  /** Follows the host and the clock; returns how to stop. */
  follow(): () => void {
    const stops = [this.host.onSnapshot((snapshot) => this.take(snapshot)), this.host.onMoment((moment) => this.#tell(moment))];
    for (const stop of stops) stop.catch((thrown: unknown) => this.complain(asHostError(thrown)));
    const ticking = setInterval(() => (this.now = this.#awsTime()), 1000);
    // What changed between the first snapshot and the first event.
    void this.host.snapshot().then((snapshot) => this.take(snapshot), () => {});
    return () => {
      clearInterval(ticking);
      for (const stop of stops) stop.then((it) => it(), () => {});
    };
  }

  take(snapshot: Snapshot): void {
    if (snapshot.revision < this.snapshot.revision && snapshot.agent.version === this.snapshot.agent.version) return;
    // What floats over a locked window would show what is behind it, or act on it.
    if (snapshot.secrets.locked && !this.snapshot.secrets.locked) {
      this.sheet = null;
      this.toasts = [];
    }
    this.snapshot = snapshot;
    this.now = this.#awsTime();
    for (const name of this.failures.keys()) if (!this.#byName.has(name)) this.failures.delete(name);
    if (!this.profile) this.selected = neighbour(this.rows, null, 1);
    this.toasts = this.toasts.filter((it) => it.holds?.(snapshot) ?? true);
    this.#applyTheme();
    if (this.sheet?.kind === 'approval' && !this.prompt(this.sheet.prompt)) this.sheet = null;
    this.#offer();
  }
  /** A question that is asked now. */
  prompt(id: number): PromptView | null {
    return this.snapshot.prompts.find((it) => it.id === id) ?? null;
  }
  /** Opens the sheet of the next question; what a person is in the middle of stays. */
  #offer(): void {
    if (this.sheet !== null && this.sheet.kind !== 'palette') return;
    const prompt = nextPrompt(this.snapshot, this.#settled);
    if (!prompt) return;
    this.sheet = prompt.kind === 'mfa_code' && prompt.mfa_serial
      ? { kind: 'mfa', profile: prompt.profile, serial: prompt.mfa_serial, resume: null, prompt: prompt.id }
      : { kind: 'approval', prompt: prompt.id };
  }
  /** What a person says to a question. */
  async answer(id: number, answer: PromptAnswer): Promise<boolean> {
    this.#settled.add(id);
    this.sheet = null;
    const done = await this.ask(() => this.host.answerPrompt(id, answer));
    this.#offer();
    return done;
  }

  /** The rows for a query, without changing what the list shows. */
  lookup(query: string): Row[] {
    return query.trim() === '' ? groupRows(this.snapshot.profiles) : searchRows(this.#index(), query).rows;
  }
  /** Made once for a snapshot, and only when something is searched. */
  #index(): Index {
    const { profiles } = this.snapshot;
    if (this.#indexed?.of !== profiles) this.#indexed = { of: profiles, index: indexProfiles(profiles) };
    return this.#indexed.index;
  }
  /** Somebody is about to search: the first letter finds everything ready. */
  aboutToSearch(): void {
    this.#index();
  }
  find(name: string): ProfileView | undefined {
    return this.#byName.get(name);
  }

  // --- moving about -------------------------------------------------------------------------------------------------

  go(section: Section): void {
    this.section = section;
    this.remember();
  }
  select(name: string | null): void {
    this.selected = name;
    this.remember();
  }
  move(step: number): void {
    this.select(neighbour(this.rows, this.selected, step));
  }
  search(query: string): void {
    this.query = query;
    const first = neighbour(this.rows, null, 1);
    if (query.trim() !== '' && first !== null) this.select(first);
  }
  open(name: string): void {
    this.select(name);
    this.detailOpen = true;
  }
  /** Shows a profile that may be hidden by a search or behind another place. */
  reveal(name: string): void {
    this.query = '';
    this.go('sessions');
    this.open(name);
  }

  /** Keeps where the window was left; names only, no secrets. */
  remember(): void {
    try {
      localStorage.setItem(MEMORY, JSON.stringify({ section: this.section, selected: this.selected, scroll: this.scroll }));
    } catch {
      // A full or forbidden storage costs the place in the list and nothing else.
    }
  }
  #recall(): void {
    try {
      const kept: unknown = JSON.parse(localStorage.getItem(MEMORY) ?? '{}');
      if (typeof kept !== 'object' || kept === null) return;
      const { section, selected, scroll } = kept as Record<string, unknown>;
      const known = sections.find((it) => it === section);
      if (known) this.section = known;
      if (typeof selected === 'string') this.selected = selected;
      if (typeof scroll === 'number') this.scroll = scroll;
    } catch {
      // Unreadable memory is no memory.
    }
  }
  #applyTheme(): void {
    const { theme } = this.snapshot.settings;
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
  }

  // --- doing --------------------------------------------------------------------------------------------------------

  /** Does something with a profile: failures appear in its detail, a wanted code opens the sheet and then it goes on. */
  async attempt(profile: string, act: () => Promise<void>, done: string | null = null): Promise<boolean> {
    if (this.busy.has(profile)) return false;
    this.busy.add(profile);
    this.failures.delete(profile);
    try {
      await act();
      if (done) this.say(done);
      return true;
    } catch (thrown) {
      this.#refused(profile, asHostError(thrown), { act, done });
      return false;
    } finally {
      this.busy.delete(profile);
    }
  }
  #refused(profile: string, error: HostError, resume: Resume): void {
    if (error.code === 'mfa_code_required' && error.mfa_serial) {
      this.sheet = { kind: 'mfa', profile, serial: error.mfa_serial, resume };
    } else {
      this.failures.set(profile, error);
    }
  }

  start(profile: string): Promise<boolean> {
    return this.attempt(profile, () => this.host.start(profile), null);
  }
  stop(profile: string): Promise<boolean> {
    return this.attempt(profile, () => this.host.stop(profile), `${profile} is stopped.`);
  }
  /** What Enter does. */
  startOrStop(profile: ProfileView): void {
    if (profile.session?.state === 'active') void this.stop(profile.name);
    else if (profile.session?.state !== 'starting') void this.start(profile.name);
  }

  /** Sends a typed code, then goes on with what was wanted. */
  async sendCode(sheet: Extract<Sheet, { kind: 'mfa' }>, code: string): Promise<CodeOutcome> {
    const { profile, resume } = sheet;
    try {
      await (resume?.withCode ? resume.withCode(code) : this.host.start(profile, code));
    } catch (thrown) {
      const error = asHostError(thrown);
      if (error.code === 'mfa_code_refused' || error.code === 'mfa_code_required') return { taken: false, error, at: this.host.now() };
      this.close();
      this.failures.set(profile, error);
      return { taken: true };
    }
    if (sheet.prompt !== undefined) this.#settled.add(sheet.prompt);
    this.close();
    if (resume?.withCode) {
      if (resume.done) this.say(resume.done);
    } else if (resume?.done) await this.attempt(profile, resume.act, resume.done);
    return { taken: true };
  }

  /** Does something that concerns no single profile; a failure is said at the foot. */
  async ask(act: () => Promise<void>, done: string | null = null): Promise<boolean> {
    try {
      await act();
      if (done) this.say(done);
      return true;
    } catch (thrown) {
      this.complain(asHostError(thrown));
      return false;
    }
  }
  set(change: Partial<Settings>): Promise<boolean> {
    // Two changes in a row: the second builds on the first, whose snapshot may still be on its way.
    const settings = { ...(this.#settings ?? this.snapshot.settings), ...change };
    this.#settings = settings;
    return this.ask(() => this.host.setSettings(settings)).finally(() => {
      if (this.#settings === settings) this.#settings = null;
    });
  }
  close(): void {
    const asked = this.sheet?.kind === 'mfa' || this.sheet?.kind === 'approval' ? this.sheet.prompt : undefined;
    this.sheet = null;
    // Who waits is told at once that nobody will answer.
    if (asked !== undefined && !this.#settled.has(asked) && this.prompt(asked)) void this.answer(asked, 'dismiss');
    else this.#offer();
  }

  // --- saying -------------------------------------------------------------------------------------------------------

  say(text: string, action: Toast['action'] = null): void {
    const id = this.#show({ text, hint: '', tone: 'done', action });
    setTimeout(() => this.unsay(id), action ? TOAST_FOR * 3 : TOAST_FOR);
  }
  /** A failure stays until it is put away. */
  complain(error: HostError, action: Toast['action'] = null): void {
    this.#show({ text: error.message, hint: error.hint, tone: 'bad', action });
  }
  unsay(id: number): void {
    this.toasts = this.toasts.filter((it) => it.id !== id);
  }
  #show(toast: Omit<Toast, 'id'>): number {
    const id = ++this.#toastId;
    this.toasts = [...this.toasts.slice(-2), { id, ...toast }];
    return id;
  }

  #tell(moment: HostEvent): void {
    switch (moment.event) {
      case 'session_ending': {
        const { profile, expiration } = moment;
        this.#show({
          text: `${profile} ends at ${time(expiration)}.`, hint: '', tone: 'soon', action: { label: 'Renew', run: () => void this.start(profile) },
          holds: (snapshot) => snapshot.profiles.some((it) => it.name === profile && it.session?.expiration === expiration),
        });
        return;
      }
      case 'renewal_failed':
        this.complain(moment.error, { label: 'Show', run: () => this.reveal(moment.profile) });
        return;
      case 'lease_renewal_failed':
        this.complain({ ...moment.error, message: `The lease ${moment.lease} of ${moment.profile} could not be renewed: ${moment.error.message}` });
        return;
      case 'clock_wrong':
        this.complain(moment.error);
        return;
      case 'person_needed': {
        const { profile, who, error } = moment;
        if (who === 'Stagedoor') {
          // The person pressed start in the tray or in a notification: it goes on here, where a code can be typed.
          this.reveal(profile);
          this.#refused(profile, error, { act: () => this.host.start(profile), done: null });
          return;
        }
        if (error.code === 'locked') {
          this.complain({ ...error, message: `${who} asked for ${profile}: ${error.message}` });
          return;
        }
        this.complain(
          { ...error, message: `${who} asked for ${profile}: ${error.message}` },
          { label: 'Start', run: () => { this.reveal(profile); void this.start(profile); } },
        );
        return;
      }
      case 'setup_due':
        this.#show({ text: `${moment.title}: the wait is over.`, hint: '', tone: 'soon', action: { label: 'Open', run: () => (this.go('setup'), void this.setup.openById(moment.id)) } });
        return;
      case 'prompted':
      case 'show_window':
        return;
      case 'ended':
        this.complain({ code: 'agent', message: 'The agent has ended', hint: 'Start Stagedoor again to hand out credentials' });
    }
  }
}

export const [getUi, setUi] = createContext<Ui>();
