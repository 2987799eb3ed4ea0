// A Chromium with the design build in it. Files come from memory of the build folder through a route: no server, no network;
// whatever asks for anything else fails the test.

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import { chromium, type Browser, type Page } from 'playwright-core';
import { expect } from 'vitest';

const site = fileURLToPath(new URL('../../target/ui/site', import.meta.url));
const pictures = fileURLToPath(new URL('../../target/ui', import.meta.url));
const ORIGIN = 'http://stagedoor.test';
const CSP = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; connect-src 'self'";
const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.woff2': 'font/woff2', '.svg': 'image/svg+xml' };
const chromiumPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium'].find((path) => existsSync(path));

export type Theme = 'light' | 'dark';
export const themes: readonly Theme[] = ['light', 'dark'];

export async function launch(): Promise<Browser> {
  if (!chromiumPath) throw new Error('Chromium is not installed: apt-get install chromium');
  mkdirSync(pictures, { recursive: true });
  return chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run', '--font-render-hinting=none'],
  });
}

export interface Look {
  scene?: string;
  theme?: Theme;
  width?: number;
  height?: number;
  /** The text size, where 1 is as it comes. */
  text?: number;
  more?: string;
}

/** Opens the window on a scene. Any error in the page, any refused request and any breach of the CSP fails the test. */
export async function open(browser: Browser, { scene = 'everyday', theme = 'light', width = 1180, height = 760, text = 1, more = '' }: Look = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height }, timezoneId: 'UTC', locale: 'en-GB', reducedMotion: 'reduce' });
  // How long a broken window is waited for, not how fast a whole one is: a laden machine needs seconds for what takes none here.
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => { if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text()); });
  await page.route('**/*', (route) => {
    const url = new URL(route.request().url());
    const path = resolve(site, `.${url.pathname === '/' ? '/index.html' : url.pathname}`);
    if (url.origin !== ORIGIN || !path.startsWith(site) || !existsSync(path)) {
      faults.push(`asked for ${url.href}`);
      return route.abort();
    }
    return route.fulfill({ body: readFileSync(path), contentType: types[extname(path)] ?? 'application/octet-stream', headers: { 'content-security-policy': CSP } });
  });
  if (text !== 1) await page.addInitScript((size) => document.addEventListener('DOMContentLoaded', () => (document.documentElement.style.fontSize = `${size * 100}%`)), text);
  await page.goto(`${ORIGIN}/?scene=${scene}&theme=${theme}${more}`);
  await page.waitForSelector('.app, [data-testid="first-start"], [data-testid="locked"]');
  await page.evaluate(() => document.fonts.ready);
  pageFaults.set(page, faults);
  return page;
}

const pageFaults = new WeakMap<Page, string[]>();

/** Closes the window, and fails if anything went wrong in it. */
export async function close(page: Page): Promise<void> {
  const faults = pageFaults.get(page) ?? [];
  await page.context().close();
  expect(faults).toEqual([]);
}

/** A picture of the window, and no violation of the accessibility rules in it. */
export async function picture(page: Page, name: string, excluded: string[] = []): Promise<void> {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.screenshot({ path: `${pictures}/${name}.png` });
  // Evaluated by the debugger, so that the page's own policy against scripts stays as it is.
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async (exclude) => {
    const { axe: checker } = window as unknown as { axe: { configure: (rules: unknown) => void; run: (context: unknown, options: unknown) => Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }> } };
    // A menu lies at the end of the body and belongs to no landmark; it has the focus while it is there.
    const menu = '[data-bits-floating-content-wrapper]';
    checker.configure({ rules: [{ id: 'region', selector: `body *:not(${menu}, ${menu} *)` }] });
    const { violations: found } = await checker.run({ exclude }, { resultTypes: ['violations'] });
    return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html.slice(0, 200)} ${node.failureSummary ?? ''}`).join(' | ')}`);
  }, excluded);
  expect(violations, name).toEqual([]);
}

/** Whether the window itself would have to be scrolled sideways. */
export async function overflow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const out: string[] = [];
    if (document.documentElement.scrollWidth > window.innerWidth) out.push('the window');
    for (const element of document.querySelectorAll<HTMLElement>('.detail, .list, .rows, main, [role="dialog"]')) {
      if (element.checkVisibility() && element.scrollWidth > element.clientWidth + 1) out.push(`${element.tagName}.${element.className}: ${element.scrollWidth} > ${element.clientWidth}`);
    }
    return out;
  });
}

/** What the host was asked, by name. */
export const calls = (page: Page): Promise<{ name: string; with: unknown }[]> =>
  page.evaluate(() => (window as unknown as { stagedoorHost: { calls: { name: string; with: unknown }[] } }).stagedoorHost.calls);
