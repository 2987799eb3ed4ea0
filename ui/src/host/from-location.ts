// The in-memory host that a page's address asks for, for tests and design. It is no part of the product's build.

import { BrowserHost } from './browser';
import { everydaySnapshot, minutes } from './fixtures';
import type { Snapshot } from './index';
import { scenes } from './scenes';

/** The host that a page's address asks for: `?scene=many&theme=dark`. */
export function browserHostFromLocation(search: string): BrowserHost {
  const wanted = new URLSearchParams(search);
  const scene = scenes[wanted.get('scene') ?? 'everyday'] ?? ((it: Snapshot) => it);
  const snapshot = scene(everydaySnapshot());
  const theme = wanted.get('theme');
  if (theme === 'light' || theme === 'dark') snapshot.settings = { ...snapshot.settings, theme };
  const host = new BrowserHost(snapshot);
  for (let step = 1; step <= Number(wanted.get('exercise') ?? 0); step++) host.practice.play(step);
  host.practice.long = wanted.get('scene') === 'long';
  host.current = { ...host.current, activity: host.insight.begin(wanted.get('scene')) };
  host.setup.pace = Number(wanted.get('pace') ?? host.setup.pace);
  if (wanted.get('setup') === 'past') host.setup.past();
  if (wanted.has('practice')) void host.startPractice();
  Object.assign(window, { stagedoorHost: host, stagedoorMinutes: minutes });
  return host;
}
