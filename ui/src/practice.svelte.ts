// The practice account's own screen: what was last seen of it, and the exercise's steps while they are being done. What exists
// and what was called is the host's to say; here it is only asked for.

import { asHostError, type Host, type HostError, type PracticeOverview } from './host';

export type PracticeTab = 'exercise' | 'who' | 'calls' | 'reset';

export class Practice {
  readonly #host: Host;
  overview: PracticeOverview | null = $state.raw(null);
  /** Why it could not be asked. */
  error: HostError | null = $state.raw(null);
  tab: PracticeTab = $state('exercise');
  /** The step that is being done, from 1; 0: the exercise is being taken away. */
  doing: number | null = $state(null);
  /** What went wrong with a step. */
  failure: { step: number; error: HostError } | null = $state.raw(null);
  #asked = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Asks again. An answer that comes after a later one changes nothing. */
  async look(): Promise<void> {
    const asked = ++this.#asked;
    try {
      const overview = await this.#host.practiceOverview();
      if (asked !== this.#asked) return;
      this.overview = overview;
      this.error = null;
    } catch (thrown) {
      if (asked === this.#asked) this.error = asHostError(thrown);
    }
  }

  /** Does a step, from 1; whether it went as planned. */
  play(step: number): Promise<boolean> {
    return this.#do(step, () => this.#host.playExercise(step));
  }
  /** Takes away what the exercise made. */
  restart(): Promise<boolean> {
    return this.#do(0, () => this.#host.restartExercise());
  }
  async #do(step: number, act: () => Promise<void>): Promise<boolean> {
    if (this.doing !== null) return false;
    this.doing = step;
    this.failure = null;
    try {
      await act();
      return true;
    } catch (thrown) {
      this.failure = { step, error: asHostError(thrown) };
      return false;
    } finally {
      await this.look();
      this.doing = null;
    }
  }

  /** It was stopped or began again: nothing that was seen holds. */
  forget(): void {
    this.#asked++;
    this.overview = null;
    this.error = null;
    this.failure = null;
  }
}
