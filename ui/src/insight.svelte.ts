// Insight's own state: the lines of the record that are at hand and how they are narrowed, and what the doctor found. What is on
// record and what is wrong is the host's to say; here it is only asked for.

import { SvelteSet } from 'svelte/reactivity';
import { asHostError, type ActivityLine, type ActivityQuery, type DoctorReport, type Finding, type Host, type HostError } from './host';

export type InsightTab = 'activity' | 'doctor' | 'later';

/** How many lines are asked for at once. */
export const PAGE = 200;

/** What may be said about a line, beyond the line itself. */
export interface Filter {
  profile: string;
  who: string;
  text: string;
  refused: boolean;
}
const everything: Filter = { profile: '', who: '', text: '', refused: false };

export class Insight {
  readonly #host: Host;
  tab: InsightTab = $state('activity');

  filter: Filter = $state.raw(everything);
  /** Newest first; `null` before the first answer. */
  lines: ActivityLine[] | null = $state.raw(null);
  more = $state(false);
  unreadable = $state(0);
  selected: number | null = $state(null);
  error: HostError | null = $state.raw(null);
  /** What was seen so far, to choose from. */
  readonly profiles = new SvelteSet<string>();
  readonly programs = new SvelteSet<string>();
  /** How many lines came in front at the last look, so that a list can stay where it was. */
  grown = 0;
  #asked = 0;
  #going: Promise<void> | null = null;

  report: DoctorReport | null = $state.raw(null);
  examining = $state(false);
  trouble: HostError | null = $state.raw(null);
  /** What is being mended, or could not be. */
  mending: Finding | null = $state.raw(null);
  failure: { finding: Finding; error: HostError } | null = $state.raw(null);

  constructor(host: Host) {
    this.#host = host;
  }

  /** Whether anything is left out. */
  get narrowed(): boolean {
    return this.filter.profile !== '' || this.filter.who !== '' || this.filter.text.trim() !== '' || this.filter.refused;
  }
  /** The filter as the host reads it. */
  query(): Partial<ActivityQuery> {
    const { profile, who, text, refused } = this.filter;
    return { refused, ...(profile && { profile }), ...(who && { who }), ...(text.trim() && { text: text.trim() }) };
  }

  narrow(change: Partial<Filter>): Promise<void> {
    this.filter = { ...this.filter, ...change };
    this.selected = null;
    return this.#ask(true);
  }
  /** Turns to what was asked of one profile. */
  showOf(profile: string): Promise<void> {
    this.tab = 'activity';
    this.profiles.add(profile);
    return this.narrow({ ...everything, profile });
  }
  widen(): Promise<void> {
    return this.narrow(everything);
  }
  /** Looks whether there is news. An answer that comes after a later question changes nothing. */
  look(): Promise<void> {
    return this.#ask(this.lines === null);
  }
  async #ask(anew: boolean): Promise<void> {
    const asked = ++this.#asked;
    const known = anew ? null : this.lines;
    const newest = known?.[0]?.n;
    try {
      const page = await this.#host.activity({ ...this.query(), limit: PAGE, ...(newest !== undefined && { after: newest }) });
      if (asked !== this.#asked) return;
      // More news than one page holds: what lies between is not known, so it begins anew.
      const gap = newest !== undefined && page.more;
      this.grown = newest === undefined || gap ? 0 : page.lines.length;
      if (newest === undefined || gap) this.lines = page.lines;
      else if (page.lines.length) this.lines = [...page.lines, ...(known ?? [])];
      if (newest === undefined || gap) this.more = page.more;
      this.unreadable = page.unreadable;
      this.error = null;
      this.#remember(page.lines);
    } catch (thrown) {
      if (asked === this.#asked) this.error = asHostError(thrown);
    }
  }
  /** Asks for the lines before the oldest that is at hand. */
  older(): Promise<void> {
    if (this.#going) return this.#going;
    const oldest = this.lines?.at(-1)?.n;
    if (!this.more || oldest === undefined) return Promise.resolve();
    this.#going = this.#older(oldest).finally(() => (this.#going = null));
    return this.#going;
  }
  async #older(oldest: number): Promise<void> {
    const { filter } = this;
    try {
      const page = await this.#host.activity({ ...this.query(), limit: PAGE, before: oldest });
      if (filter !== this.filter || this.lines?.at(-1)?.n !== oldest) return;
      this.grown = 0;
      this.lines = [...this.lines, ...page.lines];
      this.more = page.more;
      this.#remember(page.lines);
    } catch (thrown) {
      this.error = asHostError(thrown);
    }
  }
  #remember(lines: readonly ActivityLine[]): void {
    for (const { profile, who } of lines) {
      this.profiles.add(profile);
      this.programs.add(who);
    }
  }
  /** Writes what is shown, and all that is older, into a file; where it is. */
  save(): Promise<string> {
    return this.#host.exportActivity(this.query());
  }

  async examine(): Promise<void> {
    if (this.examining) return;
    this.examining = true;
    try {
      this.report = await this.#host.doctor();
      this.trouble = null;
    } catch (thrown) {
      this.trouble = asHostError(thrown);
    } finally {
      this.examining = false;
    }
  }
  /** Does what a finding offers, and looks again; whether it was done. */
  async mend(finding: Finding): Promise<boolean> {
    if (!finding.action || this.mending) return false;
    this.mending = finding;
    this.failure = null;
    try {
      await this.#host.mend(finding.action);
      await this.examine();
      return true;
    } catch (thrown) {
      this.failure = { finding, error: asHostError(thrown) };
      return false;
    } finally {
      this.mending = null;
    }
  }
}
