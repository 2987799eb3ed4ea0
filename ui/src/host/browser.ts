// The host for tests and design: an imagined company in memory, no AWS and no secrets. It behaves as the agent does, down to
// the refusals, and a test can script it through `window.stagedoorHost`. It is no part of the product's build.

import type { AccountChoices, ActivityPage, ActivityQuery, AwsFile, DoctorReport, ExportFormat, FileDiff, FileEdit, Host, HostError, HostEvent, Intent, LeaseRequest, LeaseView, Mending, Migration, Narrowing, NewAccessKey, NewRole, PolicyText, PracticeOverview, Preview, ProfileView, PromptAnswer, SecretsPlace, SessionPolicy, SetupLine, SetupView, Snapshot, VersionLine } from './index';
import { ALICE_PHONE, PICTURE_TIME, accessKey, everydaySnapshot, minutes, practiceProfiles, role, session, lease, policyOf } from './fixtures';
import { InsightWorld } from './insight-fixtures';
import { fail } from './scenes';
import { exampleQr } from './example-qr';
import { PracticeWorld } from './practice-fixtures';
import { SetupWorld } from './setup-fixtures';
import { diffOf, editedProfiles, previewOf, versionLines } from './file-fixtures';

/** The code that AWS accepts here; every other one is refused. */
export const RIGHT_CODE = '123456';
const STORED_CODE = '913562';
/** What opens the vault here. */
export const RIGHT_PASSPHRASE = 'correct horse battery staple';
export class BrowserHost implements Host {
  /** What each call was asked, for tests. Secrets are left out. */
  readonly calls: { name: string; with: unknown }[] = [];
  /** The next call of a name rejects with this. */
  readonly failures = new Map<string, HostError>();
  /** Milliseconds that pass before an answer. */
  delay = 0;
  /** Milliseconds added to the moment of the pictures. */
  elapsed = 0;
  current: Snapshot;
  readonly practice = new PracticeWorld();
  readonly insight = new InsightWorld();
  readonly setup = new SetupWorld();
  #snapshotListeners = new Set<(snapshot: Snapshot) => void>();
  #momentListeners = new Set<(moment: HostEvent) => void>();
  #mfaSessions = new Set<string>();
  #seeds = new Set<string>();

  constructor(snapshot: Snapshot = everydaySnapshot()) {
    this.current = snapshot;
    this.setup.news = () => this.change({ setup: this.current.setup + 1 });
    for (const { chain } of snapshot.profiles) if (chain?.mfa_seed_stored && chain.mfa_serial) this.#seeds.add(chain.mfa_serial);
    if (snapshot.profiles.some((it) => it.session && it.chain?.mfa_serial === ALICE_PHONE)) this.#mfaSessions.add(ALICE_PHONE);
  }

  now(): number {
    return PICTURE_TIME + this.elapsed;
  }
  async snapshot(): Promise<Snapshot> {
    return this.current;
  }
  async onSnapshot(listener: (snapshot: Snapshot) => void): Promise<() => void> {
    this.#snapshotListeners.add(listener);
    return () => this.#snapshotListeners.delete(listener);
  }
  async onMoment(listener: (moment: HostEvent) => void): Promise<() => void> {
    this.#momentListeners.add(listener);
    return () => this.#momentListeners.delete(listener);
  }

  /** Changes the truth and tells the window. */
  change(change: Partial<Snapshot>): void {
    this.current = { ...this.current, ...change, revision: this.current.revision + 1 };
    for (const listener of this.#snapshotListeners) listener(this.current);
  }
  /** Changes one profile and tells the window. */
  changeProfile(name: string, change: Partial<ProfileView>): void {
    this.change({ profiles: this.current.profiles.map((it) => (it.name === name ? { ...it, ...change } : it)) });
  }
  moment(moment: HostEvent): void {
    for (const listener of this.#momentListeners) listener(moment);
  }
  /** Forgets the MFA sessions, as 36 hours do. */
  forgetMfa(): void {
    this.#mfaSessions.clear();
  }

  async #asked(name: string, args: unknown): Promise<void> {
    this.calls.push({ name, with: args });
    if (this.delay) await new Promise((done) => setTimeout(done, this.delay));
    const failure = this.failures.get(name);
    if (failure) {
      this.failures.delete(name);
      throw failure;
    }
  }
  #profile(name: string): ProfileView {
    const found = this.current.profiles.find((it) => it.name === name);
    if (!found) throw fail('missing_profile', `There is no profile ${name}`, 'Look at the names in ~/.aws/config');
    return found;
  }
  #needsCode(profile: ProfileView, code?: string): void {
    const serial = profile.chain?.mfa_serial;
    if (!serial || this.#mfaSessions.has(serial)) return;
    const stored = this.#seeds.has(serial);
    if (!code && !stored) throw fail('mfa_code_required', `${profile.name} needs an MFA code`, 'Type the code of the device', serial);
    if (code && code !== RIGHT_CODE && code !== STORED_CODE) {
      throw fail('mfa_code_refused', `AWS refused the code ${code}`, 'Wait for the next code on the device, then type that one', serial);
    }
    this.#mfaSessions.add(serial);
  }
  #begin(profile: ProfileView, code?: string): void {
    if (profile.error) throw profile.error;
    if (profile.session?.state === 'active') return;
    this.#needsCode(profile, code);
    const left = (profile.chain?.hops.length ? 60 : 720) + this.elapsed / 60_000;
    this.changeProfile(profile.name, { session: session(left, 60, { delivered: [] }), last_used: new Date(this.now()).toISOString() });
    if (this.current.prompts.length) this.change({ prompts: this.current.prompts.filter((it) => it.kind !== 'mfa_code' || it.profile !== profile.name) });
  }

  async start(profile: string, code?: string): Promise<void> {
    await this.#asked('start', { profile, code });
    this.#begin(this.#profile(profile), code);
  }
  async stop(profile: string): Promise<void> {
    await this.#asked('stop', { profile });
    this.changeProfile(profile, { session: null });
  }
  async stopAll(): Promise<void> {
    await this.#asked('stop_all', {});
    this.change({ profiles: this.current.profiles.map((it) => ({ ...it, session: null })) });
  }
  async openConsole(profile: string, service?: string): Promise<void> {
    await this.#asked('open_console', { profile, service });
    this.#begin(this.#profile(profile));
  }
  async copyConsoleLink(profile: string): Promise<void> {
    await this.#asked('copy_console_link', { profile });
    this.#begin(this.#profile(profile));
  }
  async copyEnvironment(profile: string): Promise<void> {
    await this.#asked('copy_environment', { profile });
    this.#begin(this.#profile(profile));
  }
  async openTerminal(profile: string): Promise<void> {
    await this.#asked('open_terminal', { profile });
    this.#begin(this.#profile(profile));
  }
  async setFavourite(profile: string, favourite: boolean): Promise<void> {
    await this.#asked('set_favourite', { profile, favourite });
    this.changeProfile(profile, { favourite });
  }
  async setColour(profile: string, colour: number): Promise<void> {
    await this.#asked('set_colour', { profile, colour });
    this.changeProfile(profile, { colour });
  }
  async addAccessKey(add: NewAccessKey): Promise<void> {
    await this.#asked('add_access_key', { profile: add.profile, id: add.key.id, region: add.region, mfa_serial: add.mfa_serial });
    const added = accessKey(add.profile, add.key.id, 'keychain', { region: add.region });
    this.change({ profiles: [...this.current.profiles.filter((it) => it.name !== add.profile), added] });
  }
  async addRole(add: NewRole): Promise<void> {
    await this.#asked('add_role', add);
    const [account, name] = [add.role_arn.split(':')[4] ?? '', add.role_arn.split('/').at(-1) ?? ''];
    const look = { mfa: add.mfa_serial !== null, region: add.region, source_profile: add.source_profile };
    this.change({ profiles: [...this.current.profiles, role(add.profile, name, account, add.external_id ? { ...look, externalId: add.external_id } : look)] });
  }
  async importKey(profile: string): Promise<void> {
    await this.#asked('import_key', { profile });
    const { key } = this.#profile(profile);
    if (key) this.changeProfile(profile, { key: { ...key, place: 'keychain' } });
  }
  async undoImport(profile: string): Promise<void> {
    await this.#asked('undo_import', { profile });
    const { key } = this.#profile(profile);
    if (key) this.changeProfile(profile, { key: { ...key, place: 'file' } });
  }
  async connect(profile: string): Promise<void> {
    await this.#asked('connect', { profile });
    this.changeProfile(profile, { connected: true });
  }
  async disconnect(profile: string): Promise<void> {
    await this.#asked('disconnect', { profile });
    this.changeProfile(profile, { connected: false });
  }
  async previewFiles(edit: FileEdit): Promise<Preview> {
    await this.#asked('preview_files', { edit });
    return previewOf(edit, this.current);
  }
  async editFiles(edit: FileEdit): Promise<Preview> {
    await this.#asked('edit_files', { edit });
    const made = previewOf(edit, this.current);
    this.change({ profiles: editedProfiles(edit, made, this.current) });
    return made;
  }
  async fileVersions(): Promise<VersionLine[]> {
    await this.#asked('file_versions', {});
    return versionLines();
  }
  async fileVersionDiff(file: AwsFile, number: number, againstNow: boolean): Promise<FileDiff> {
    await this.#asked('file_version_diff', { file, number, againstNow });
    return diffOf(file, number, this.current);
  }
  async handOutAccessKey(profile: string, yes: boolean): Promise<void> {
    await this.#asked('hand_out_access_key', { profile, yes });
    this.changeProfile(profile, { hand_out_access_key: yes });
  }
  async setAsks(profile: string, yes: boolean): Promise<void> {
    await this.#asked('set_asks', { profile, yes });
    this.changeProfile(profile, { asks: yes });
  }
  async answerPrompt(id: number, answer: PromptAnswer): Promise<void> {
    await this.#asked('answer_prompt', { id, answer });
    if (!this.current.prompts.some((it) => it.id === id)) throw fail('agent', 'The program that asked no longer waits', 'It asks again when it is run again');
    this.change({ prompts: this.current.prompts.filter((it) => it.id !== id) });
  }
  async lease(request: LeaseRequest, code?: string): Promise<LeaseView> {
    await this.#asked('lease', { request, code });
    this.#needsCode(this.#profile(request.profile), code);
    const { profile, narrowing, duration, name, program, tags, source_identity } = request;
    const id = `0a1b2c${String(this.current.leases.length).padStart(2, '0')}`;
    const left = duration / 60 + this.elapsed / 60_000;
    const made = lease(profile, left, duration / 60, { id, name: name ?? id, program, narrowing, tags, source_identity });
    this.change({ leases: [...this.current.leases, made] });
    return made;
  }
  async leasePolicy(_: string, narrowing: Narrowing): Promise<SessionPolicy> {
    return policyOf(narrowing);
  }
  async stopLease(id: string): Promise<void> {
    await this.#asked('stop_lease', { lease: id });
    this.change({ leases: this.current.leases.filter((it) => it.id !== id) });
  }
  async writeFile(profile: string, section: string): Promise<void> {
    await this.#asked('write_file', { profile, section });
    this.#begin(this.#profile(profile));
    this.changeProfile(profile, { credentials_file: { section, expiration: this.#profile(profile).session?.expiration ?? null, error: null } });
  }
  async writeFileNoMore(profile: string): Promise<void> {
    await this.#asked('write_file_no_more', { profile });
    this.changeProfile(profile, { credentials_file: null });
  }
  async addTotpSeed(serial: string, seed: string): Promise<void> {
    await this.#asked('add_totp_seed', { serial });
    if (!/^[A-Z2-7]+=*$/i.test(seed)) throw fail('invalid_value', 'The seed is not base32', 'Copy it again from where the device was made');
    this.#seeds.add(serial);
    this.change({ profiles: this.current.profiles.map((it) => (it.chain?.mfa_serial === serial ? { ...it, chain: { ...it.chain, mfa_seed_stored: true } } : it)) });
  }
  async mfaCode(serial: string): Promise<{ code: string; valid_until: string }> {
    await this.#asked('mfa_code', { serial });
    return { code: STORED_CODE, valid_until: new Date(this.now() + 19_000).toISOString() };
  }
  async startPractice(): Promise<void> {
    await this.#asked('start_practice', {});
    this.change({
      practice: { endpoint: 'http://127.0.0.1:41277', mfa_serial: 'arn:aws:iam::111122223333:mfa/practice', calls: this.practice.calls },
      profiles: [...this.current.profiles.filter((it) => !it.practice), ...practiceProfiles()],
    });
  }
  async stopPractice(): Promise<void> {
    await this.#asked('stop_practice', {});
    this.change({ practice: { endpoint: null, mfa_serial: null, calls: 0 }, profiles: this.current.profiles.filter((it) => !it.practice) });
  }
  async practiceQr(): Promise<string> {
    await this.#asked('practice_qr', {});
    return exampleQr();
  }
  async practiceOverview(): Promise<PracticeOverview> {
    await this.#asked('practice_overview', {});
    return this.practice.overview();
  }
  async resetPractice(): Promise<void> {
    await this.#asked('reset_practice', {});
    this.practice.reset();
    this.#called();
  }
  async playExercise(step: number): Promise<void> {
    await this.#asked('play_exercise', { step });
    this.practice.play(step);
    this.#called();
  }
  async restartExercise(): Promise<void> {
    await this.#asked('restart_exercise', {});
    this.practice.restart();
    this.#called();
  }
  #called(): void {
    this.change({ practice: { ...this.current.practice, calls: this.practice.calls } });
  }
  async setSettings(settings: Snapshot['settings']): Promise<void> {
    await this.#asked('set_settings', { settings });
    this.change({ settings });
  }
  #sealed: Snapshot['profiles'] = [];
  async lock(): Promise<void> {
    await this.#asked('lock', {});
    this.#sealed = this.current.profiles;
    this.change({ secrets: { ...this.current.secrets, locked: true, vault_open: false, locks_at: null }, profiles: this.#sealed.map((it) => ({ ...it, session: null })) });
  }
  async unlock(passphrase?: string): Promise<void> {
    await this.#asked('unlock', {});
    this.#opens(passphrase, this.current.secrets.place === 'vault');
    const vault = this.current.secrets.place === 'vault';
    this.change({ secrets: { ...this.current.secrets, locked: false, vault_open: vault, locks_at: vault ? minutes(480) : null }, profiles: this.#sealed.length ? this.#sealed : this.current.profiles });
  }
  async createVault(passphrase: string): Promise<SecretsPlace> {
    await this.#asked('create_vault', {});
    this.#passphrase = passphrase;
    const place = this.current.keychain.error?.code === 'keychain_absent' ? 'vault' : 'keychain';
    this.#place(place, { vault_exists: true, vault_open: true });
    return place;
  }
  async changePassphrase(old: string, next: string): Promise<void> {
    await this.#asked('change_passphrase', {});
    this.#opens(old, true);
    this.#passphrase = next;
  }
  async migrate(to: SecretsPlace, passphrase?: string): Promise<Migration> {
    await this.#asked('migrate', { to });
    this.#opens(passphrase, this.current.secrets.vault_exists && !this.current.secrets.vault_open);
    this.#place(to, { vault_exists: to === 'vault', vault_open: to === 'vault' });
    return { items: ['access key AKIAXMPL4J6N5T3B7Q2F', 'practice account', 'sealed sessions'], left: null };
  }
  #passphrase = RIGHT_PASSPHRASE;
  #opens(passphrase: string | undefined, needed: boolean): void {
    if (needed && passphrase === undefined) throw fail('locked', 'The passphrase of the vault is needed', 'Run: stagedoor unlock, or unlock it in Stagedoor’s window');
    if (needed && passphrase !== this.#passphrase) throw fail('locked', 'That passphrase does not open the vault', 'Type it again; upper and lower case count');
  }
  #place(place: SecretsPlace, rest: Partial<Snapshot['secrets']>): void {
    const vault = place === 'vault';
    this.change({
      secrets: { ...this.current.secrets, ...rest, place, locks_at: vault ? minutes(480) : null },
      keychain: { name: vault ? 'the vault' : 'GNOME Keyring', error: vault ? null : this.current.keychain.error },
    });
  }
  async whoAmI(profile: string): Promise<{ account: string; arn: string; user_id: string }> {
    await this.#asked('who_am_i', { profile });
    const view = this.#profile(profile);
    const account = view.account_id ?? '118044279035';
    const arn = view.role_name ? `arn:aws:sts::${account}:assumed-role/${view.role_name}/alice` : `arn:aws:iam::${account}:user/alice`;
    return { account, arn, user_id: 'AROAXMPLXMPLXMPL:alice' };
  }
  async activity(query: Partial<ActivityQuery>): Promise<ActivityPage> {
    await this.#asked('activity', query);
    return this.insight.page(query);
  }
  async exportActivity(query: Partial<ActivityQuery>): Promise<string> {
    await this.#asked('export_activity', query);
    return '~/Downloads/stagedoor-activity-2026-11-23.jsonl';
  }
  async doctor(): Promise<DoctorReport> {
    await this.#asked('doctor', {});
    return this.insight.report();
  }
  async mend(mending: Mending): Promise<void> {
    await this.#asked('mend', mending);
    this.insight.mend(mending);
  }
  /** Somebody asked for something, and the window is told that there is news. */
  happened(count = 1): void {
    this.change({ activity: this.insight.happen(count, this.now()) });
  }
  async setupAccount(admin: string): Promise<AccountChoices> {
    await this.#asked('setup_account', { admin });
    return this.setup.choices(admin, this.practice.long);
  }
  async setupPolicy(admin: string, arn: string): Promise<PolicyText> {
    await this.#asked('setup_policy', { admin, arn });
    return this.setup.policy(arn);
  }
  async setupPlan(intent: Intent): Promise<SetupView> {
    await this.#asked('setup_plan', intent);
    return this.setup.plan(intent, 'admin' in intent && intent.admin ? intent.admin : 'prod-admin');
  }
  async setupApply(id: string): Promise<void> {
    await this.#asked('setup_apply', { id });
    this.setup.apply(id);
  }
  async setupView(id: string): Promise<SetupView> {
    return this.setup.view(id);
  }
  async setupList(): Promise<SetupLine[]> {
    await this.#asked('setup_list', {});
    return this.setup.list();
  }
  async setupUndo(id: string): Promise<void> {
    await this.#asked('setup_undo', { id });
    this.setup.undo(id);
  }
  async setupResume(id: string): Promise<void> {
    await this.#asked('setup_resume', { id });
    this.setup.resume(id);
  }
  async setupExport(id: string, format: ExportFormat): Promise<string> {
    await this.#asked('setup_export', { id, format });
    return this.setup.export(id, format);
  }
  async copyText(text: string): Promise<void> {
    await this.#asked('copy_text', { text });
  }
  async quit(): Promise<void> {
    await this.#asked('quit', {});
  }
}
