// Setup as the window holds it: the past setups, the wizard that is open with the last good plan of it, and the plan that is
// applied or looked at. What a plan is, the host says; here it is asked for and shown.

import { asHostError, type AccountChoices, type ExportFormat, type Host, type HostError, type Intent, type SetupLine, type SetupView } from './host';
import { blankDraft, intentOf, type Draft } from './setup-draft';
import { beginningOf, stagesOf, titles, type Beginning } from './setup-words';

/** How long typing rests before the plan is made anew. */
const REST = 300;

export class Setup {
  readonly #host: Host;
  lines: SetupLine[] | null = $state.raw(null);
  /** Why the past setups could not be asked for. */
  listError: HostError | null = $state.raw(null);
  beginning: Beginning | null = $state(null);
  draft: Draft = $state(blankDraft('user', ''));
  /** Which step of the wizard, from 0. */
  stage = $state(0);
  /** The last good plan of the wizard, or the one that is applied or looked at. */
  view: SetupView | null = $state.raw(null);
  /** The step or proof whose document is shown. */
  selected: string | null = $state(null);
  /** Why there is no plan of what is in the form now. */
  planError: HostError | null = $state.raw(null);
  planning = $state(false);
  /** Applying, going on or undoing could not begin. */
  failure: HostError | null = $state.raw(null);
  acting = $state(false);
  choices: AccountChoices | null = $state.raw(null);
  choicesError: HostError | null = $state.raw(null);
  readonly intent: Intent | null = $derived(this.beginning ? intentOf(this.beginning, this.draft) : null);
  readonly stages = $derived(this.beginning ? stagesOf(this.beginning) : []);
  readonly stageName = $derived(this.stages[this.stage] ?? '');
  /** What the shown plan was made of. */
  #planned: string | null = $state(null);
  /** Whether the shown plan is of what is in the form now. */
  readonly fresh = $derived(this.intent !== null && this.#planned === JSON.stringify(this.intent));
  /** The plan was sent, or is a past one: what is shown is its journal. */
  readonly sent = $derived(this.stageName === 'Apply');
  readonly title = $derived.by(() => {
    if (this.sent && this.view) return this.view.title;
    if (!this.beginning) return 'Setup';
    const name = this.draft.name.trim();
    return name && ['user', 'role', 'group'].includes(this.beginning) ? `${titles[this.beginning]} ${name}` : titles[this.beginning];
  });
  #asked = 0;
  #listed = 0;
  #looked: string | null = null;

  constructor(host: Host) {
    this.#host = host;
  }

  /** The past setups. */
  async look(): Promise<void> {
    const asked = ++this.#listed;
    try {
      const lines = await this.#host.setupList();
      if (asked !== this.#listed) return;
      this.lines = lines;
      this.listError = null;
    } catch (thrown) {
      if (asked === this.#listed) this.listError = asHostError(thrown);
    }
  }

  /** Opens a wizard. */
  begin(beginning: Beginning, admin: string): void {
    this.#forget();
    this.beginning = beginning;
    this.draft = blankDraft(beginning, admin);
    this.stage = 0;
  }
  /** Back to where setups begin. */
  home(): void {
    this.#forget();
    this.beginning = null;
    void this.look();
  }
  #forget(): void {
    this.#asked++;
    this.view = null;
    this.selected = null;
    this.planError = null;
    this.failure = null;
    this.planning = false;
    this.choices = null;
    this.choicesError = null;
    this.#planned = null;
    this.#looked = null;
  }

  /** What there is in the account to choose from; asked once for an admin profile. */
  async chooseFrom(admin: string): Promise<void> {
    if (!admin || this.#looked === admin) return;
    this.#looked = admin;
    this.choices = null;
    this.choicesError = null;
    try {
      const choices = await this.#host.setupAccount(admin);
      if (this.#looked === admin) this.choices = choices;
    } catch (thrown) {
      if (this.#looked === admin) this.choicesError = asHostError(thrown);
    }
  }
  chooseAgain(): Promise<void> {
    this.#looked = null;
    return this.chooseFrom(this.draft.admin);
  }

  /** Makes the plan anew once typing rests; returns how to stop. */
  planSoon(): () => void {
    const { intent } = this;
    if (this.sent) return () => {};
    if (intent === null) {
      this.#asked++;
      this.planning = false;
      this.view = null;
      this.planError = null;
      this.#planned = null;
      return () => {};
    }
    if (this.#planned === JSON.stringify(intent)) return () => {};
    this.planning = true;
    const waiting = setTimeout(() => void this.plan(), REST);
    return () => clearTimeout(waiting);
  }
  /** Makes the plan now. The last good one stays where this one cannot be made. */
  async plan(): Promise<void> {
    const intent = $state.snapshot(this.intent) as Intent | null;
    if (intent === null) return;
    const asked = ++this.#asked;
    this.planning = true;
    try {
      const view = await this.#host.setupPlan(intent);
      if (asked !== this.#asked) return;
      this.view = view;
      this.planError = null;
      this.#planned = JSON.stringify(intent);
      this.#select(view);
    } catch (thrown) {
      if (asked === this.#asked) this.planError = asHostError(thrown);
    } finally {
      if (asked === this.#asked) this.planning = false;
    }
  }
  /** Keeps what is selected where it is still there; otherwise what is worth reading first. */
  #select(view: SetupView): void {
    const ids = [...view.steps, ...view.verification].map((it) => it.id);
    if (this.selected !== null && ids.includes(this.selected)) return;
    this.selected = (view.steps.find((it) => it.standing === 'conflict') ?? view.steps.find((it) => it.document) ?? view.steps[0])?.id ?? null;
  }

  /** Opens the journal of a setup. */
  async open(line: SetupLine): Promise<void> {
    this.#forget();
    this.beginning = beginningOf(line.kind);
    this.stage = stagesOf(this.beginning).length - 1;
    await this.follow(line.id);
  }
  /** The same by its name, if it is still there. */
  async openById(id: string): Promise<void> {
    await this.look();
    const line = this.lines?.find((it) => it.id === id);
    if (line) await this.open(line);
  }
  /** Looks again at the plan that is applied. */
  async follow(id: string | undefined = this.view?.id): Promise<void> {
    if (id === undefined || !this.sent) return;
    const asked = ++this.#asked;
    try {
      const view = await this.#host.setupView(id);
      if (asked !== this.#asked) return;
      this.view = view;
      const now = [...view.steps, ...view.verification].find((it) => it.state === 'failed' || it.state === 'running');
      if (now) this.selected = now.id;
      else this.#select(view);
    } catch (thrown) {
      if (asked === this.#asked) this.failure = asHostError(thrown);
    }
  }
  /** There is news of some setup. */
  news(): void {
    if (this.sent) void this.follow();
    else if (this.beginning === null) void this.look();
  }

  /** Sends the plan; the list of its steps ticks off from here. */
  apply(): Promise<HostError | null> {
    const id = this.view?.id;
    return this.#act(async () => {
      if (id === undefined) return;
      await this.#host.setupApply(id);
      this.stage = this.stages.length - 1;
    });
  }
  undo(): Promise<HostError | null> {
    const id = this.view?.id;
    return this.#act(async () => {
      if (id !== undefined) await this.#host.setupUndo(id);
    });
  }
  resume(): Promise<HostError | null> {
    const id = this.view?.id;
    return this.#act(async () => {
      if (id !== undefined) await this.#host.setupResume(id);
    });
  }
  async #act(act: () => Promise<void>): Promise<HostError | null> {
    if (this.acting) return null;
    this.acting = true;
    this.failure = null;
    try {
      await act();
      await this.follow();
      return null;
    } catch (thrown) {
      this.failure = asHostError(thrown);
      return this.failure;
    } finally {
      this.acting = false;
    }
  }

  /** The plan as a script; `null` where it could not be made. */
  async export(format: ExportFormat): Promise<string | null> {
    const id = this.view?.id;
    if (id === undefined) return null;
    try {
      return await this.#host.setupExport(id, format);
    } catch (thrown) {
      this.failure = asHostError(thrown);
      return null;
    }
  }
}
