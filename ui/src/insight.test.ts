// Insight's state against the imagined host: pages, news, and answers that come too late.

import { expect, test } from 'vitest';
import { BrowserHost } from './host/browser';
import { Insight, PAGE } from './insight.svelte';
import { answered, asked, summary } from './insight-words';

test('pages follow each other without a gap or a double', async () => {
  const insight = new Insight(new BrowserHost());
  await insight.look();
  expect([insight.lines?.length, insight.lines?.[0]?.n, insight.more]).toEqual([PAGE, 2400, true]);
  await Promise.all([insight.older(), insight.older()]);
  expect(insight.lines?.map((it) => it.n)).toEqual(Array.from({ length: 2 * PAGE }, (_, at) => 2400 - at));
});

test('news go on top; more than a page of them begins anew', async () => {
  const host = new BrowserHost();
  const insight = new Insight(host);
  await insight.look();
  host.happened(3);
  await insight.look();
  expect([insight.lines?.length, insight.lines?.[0]?.n, insight.grown]).toEqual([PAGE + 3, 2403, 3]);
  host.happened(PAGE + 1);
  await insight.look();
  expect([insight.lines?.length, insight.lines?.[0]?.n, insight.grown, insight.more]).toEqual([PAGE, 2604, 0, true]);
});

test('an answer to an earlier filter changes nothing', async () => {
  const host = new BrowserHost();
  const insight = new Insight(host);
  host.delay = 5;
  const slow = insight.narrow({ text: 'terraform' });
  host.delay = 0;
  await insight.narrow({ text: '', profile: 'prod-admin' });
  await slow;
  expect(new Set(insight.lines?.map((it) => it.profile))).toEqual(new Set(['prod-admin']));
  await insight.widen();
  expect(insight.narrowed).toBe(false);
});

test('a record that cannot be read is said, and asked for again', async () => {
  const host = new BrowserHost();
  const insight = new Insight(host);
  host.failures.set('activity', { code: 'file', message: 'No', hint: 'Yes' });
  await insight.look();
  expect([insight.lines, insight.error?.message]).toEqual([null, 'No']);
  await insight.look();
  expect([insight.lines?.length, insight.error]).toEqual([PAGE, null]);
});

test('lines and findings are said in words', () => {
  const line = {
    n: 1, at: '2026-11-23T09:00:00Z', profile: 'a', role_arn: null, who: 'aws', pid: 1, executable: null, parent: null, what: 'start',
    access_key_id: null, outcome: 'ok', answered_from: 'aws', code: null, message: null, duration_ms: 412,
  } as const;
  expect([asked(line), answered(line)]).toEqual(['Started', 'from AWS, 412 ms']);
  const refused = { ...line, outcome: 'refused', answered_from: null, message: 'No' } as const;
  expect([asked(refused), answered(refused)]).toEqual(['Start failed', 'No']);
  expect(asked({ ...line, what: 'exec' })).toBe('exec');
  const finding = { id: 'x', about: 'files', title: 'x' };
  expect(summary([{ ...finding, level: 'problem' }, { ...finding, level: 'info' }])).toBe('1 problem');
  expect(summary([{ ...finding, level: 'ok' }])).toBe('Everything is as it should be');
});
