// What Insight shows in tests and design: a day's requests, and what a doctor finds on a desk like many. No secrets.

import type { ActivityLine, ActivityPage, ActivityQuery, DoctorReport, Finding, Mending, ProfileFinding } from './index';

const START = Date.parse('2026-11-23T14:54:09Z');
const programs = [
  ['aws', '/usr/bin/python3.11', '/usr/bin/zsh'], ['terraform', '/usr/bin/terraform', '/usr/bin/zsh'], ['backfill.py', '/usr/bin/python3.11', '/usr/bin/make'],
  ['terraform', '/usr/bin/terraform', '/usr/bin/zsh'], ['kubectl', '/usr/local/bin/kubectl', '/usr/bin/fish'], ['aws', '/usr/bin/python3.11', '/usr/bin/zsh'],
] as const;
const roles = [['prod-admin', '482109371156', 'OrganizationAdmin'], ['data-lake-etl', '731048826610', 'GlueJobRunner'], ['staging-deploy', '645590128873', 'TerraformDeploy']] as const;

/** The line with this number; every other number gives a believable one. */
function line(n: number, newest: number): ActivityLine {
  const at = new Date(START - (newest - n) * 97_000).toISOString();
  const [profile, account, role] = roles[(n * 5) % 3] ?? roles[0];
  const [who, executable, parent] = programs[(n * 7) % 6] ?? programs[0];
  const base = { n, at, profile, role_arn: `arn:aws:iam::${account}:role/${role}`, code: null, message: null };
  const program = { who, pid: 4000 + (n % 900), executable, parent };
  const own = { who: 'Stagedoor', pid: null, executable: null, parent: null };
  if (n % 17 === 3) {
    return { ...base, ...program, what: 'credential_process', access_key_id: null, outcome: 'refused', answered_from: null, code: 'mfa_code_required', message: 'A code of the MFA device arn:aws:iam::118044279035:mfa/alice-phone is needed', duration_ms: 1 };
  }
  if (n % 23 === 5) {
    return { ...base, ...program, what: 'exec', access_key_id: null, outcome: 'refused', answered_from: null, code: 'aws_unreachable', message: `AWS did not answer for ${profile} in time`, duration_ms: 45_002 };
  }
  if (n % 11 === 4) return { ...base, ...own, what: 'start', access_key_id: 'ASIAXMPLW2H6K4D9R8TC', outcome: 'ok', answered_from: 'aws', duration_ms: 412 };
  if (n % 29 === 8) return { ...base, ...own, what: 'stop', access_key_id: null, outcome: 'ok', answered_from: null, duration_ms: null };
  return { ...base, ...program, what: 'credential_process', access_key_id: 'ASIAXMPLW2H6K4D9R8TC', outcome: 'ok', answered_from: 'memory', duration_ms: n % 4 };
}

const finding = (id: string, level: Finding['level'], about: string, title: string, rest: Partial<Finding> = {}): Finding => ({ id, level, about, title, ...rest });
const good: Finding[] = [
  finding('agent', 'ok', 'agent', 'The agent 0.1.0 runs in the app (process 2210, since 2026-11-23T08:02:11Z)'),
  finding('socket', 'ok', 'socket', 'The socket is /run/user/1000/stagedoor/agent.sock, for you only'),
  finding('keychain', 'ok', 'keychain', 'GNOME Keyring answers, and the 2 entries that are needed are there'),
  finding('endpoint', 'ok', 'network', 'https://sts.eu-central-1.amazonaws.com answers, and its certificate is good'),
  finding('clock', 'ok', 'clock', 'This computer’s clock agrees with https://sts.eu-central-1.amazonaws.com'),
  finding('tray_host', 'ok', 'desktop', 'The desktop shows tray icons'),
];
const wrong: Finding[] = [
  finding('readable_by_others', 'problem', 'files', 'Others on this computer may read ~/.aws/credentials, which holds secrets', {
    detail: 'Its mode is 0644; only you should read it', mend: 'chmod 600 /home/alice/.aws/credentials', action: { do: 'make_private', path: '/home/alice/.aws/credentials' },
  }),
  finding('profile_unresolved', 'problem', 'profiles', 'The profile “legacy-reports” names “acme-old” as its source profile, which does not exist', {
    mend: 'Mend source_profile of the profile “legacy-reports”, or add the profile “acme-old”',
  }),
  finding('plaintext_key', 'warning', 'files', 'The access key AKIAXMPL8R5V2C6M3XK9 of default lies in a file in plain text', {
    detail: 'Every program that you run can read it, and it does not end by itself', mend: 'Move it into the keychain: stagedoor import default', action: { do: 'import', profile: 'default' },
  }),
  finding('aws_cli_cache', 'info', 'computer', 'The AWS CLI keeps role sessions in ~/.aws/cli/cache (7)', {
    detail: 'They lie there in plain text, and the AWS CLI goes on using them after a session was stopped or revoked', mend: 'rm -r /home/alice/.aws/cli/cache',
  }),
];
const broken: Finding[] = [
  finding('program_moved', 'problem', 'profiles', 'prod-admin is handed out by a program that is not there: /opt/stagedoor-0.0.9/stagedoor', {
    detail: 'AWS tools start it by credential_process on line 14 of ~/.aws/config; it was moved or removed', mend: 'Connect it again: stagedoor connect prod-admin', action: { do: 'connect', profile: 'prod-admin' },
  }),
  finding('certificate_refused', 'problem', 'network', 'AWS could not be reached for https://sts.eu-central-1.amazonaws.com: invalid peer certificate: UnknownIssuer', {
    detail: 'AWS is asked there for the profile prod-admin; sessions that are active go on until they end',
    mend: 'A certificate was refused: a company proxy may need its CA in the system’s trust store',
  }),
];

const profiles: ProfileFinding[] = [
  {
    profile: 'prod-admin', resolves: 'The role OrganizationAdmin of 482109371156, with the access key AKIAXMPL4J6N5T3B7Q2F in the keychain',
    because: [
      'AWS tools get it from Stagedoor: credential_process on line 14 of ~/.aws/config',
      'stagedoor_role_arn on line 15 of ~/.aws/config, profile prod-admin: arn:aws:iam::482109371156:role/OrganizationAdmin',
      'stagedoor_source_profile on line 16 of ~/.aws/config, profile prod-admin: alice',
      'stagedoor_access_key_id on line 3 of ~/.aws/config, profile alice: AKIAXMPL4J6N5T3B7Q2F',
      'region on line 17 of ~/.aws/config does not count: line 19 of ~/.aws/config does',
    ],
  },
  { profile: 'alice', resolves: 'The access key AKIAXMPL4J6N5T3B7Q2F in the keychain', because: ['stagedoor_access_key_id on line 3 of ~/.aws/config, profile alice: AKIAXMPL4J6N5T3B7Q2F'] },
  {
    profile: 'legacy-reports', resolves: null, because: ['role_arn on line 61 of ~/.aws/config, profile legacy-reports: arn:aws:iam::905122674418:role/Reports'],
    error: { code: 'missing_source', message: 'The profile “legacy-reports” names “acme-old” as its source profile, which does not exist', hint: 'Mend source_profile' },
  },
];

export class InsightWorld {
  newest = 2_400;
  unreadable = 0;
  #first = 1;
  #mended: string[] = [];
  #broken = false;
  #times = new Map<number, string>();

  /** As a scene wants it; the number of the newest line. */
  begin(scene: string | null): number {
    if (scene === 'empty' || scene === 'first-empty') this.newest = 0;
    this.#broken = scene === 'problems';
    this.unreadable = this.#broken ? 2 : 0;
    return this.newest;
  }
  /** Somebody asked for something, so many times. */
  happen(count: number, now: number): number {
    for (let at = 0; at < count; at++) this.#times.set(++this.newest, new Date(now).toISOString());
    return this.newest;
  }

  page(query: Partial<ActivityQuery>): ActivityPage {
    const lines: ActivityLine[] = [];
    const size = query.limit ?? 1000;
    const text = query.text?.trim().toLowerCase();
    for (let n = Math.min(this.newest, (query.before ?? Infinity) - 1); n >= this.#first && n > (query.after ?? 0); n--) {
      const it = line(n, 2_400);
      const at = this.#times.get(n);
      if (at) it.at = at;
      if ((query.profile && it.profile !== query.profile) || (query.who && it.who !== query.who) || (query.refused && it.outcome !== 'refused')) continue;
      if (text && !JSON.stringify(Object.values(it)).toLowerCase().includes(text)) continue;
      if (lines.length === size) return { lines, more: true, unreadable: this.unreadable };
      lines.push(it);
    }
    return { lines, more: false, unreadable: this.unreadable };
  }

  report(): DoctorReport {
    const open = (it: Finding): boolean => !it.action || !this.#mended.includes(JSON.stringify(it.action));
    const found = [...(this.#broken ? broken : []), ...wrong].filter(open);
    const healthy = this.#broken ? good.filter((it) => !['endpoint', 'clock'].includes(it.id)) : good;
    const order = ['problem', 'warning', 'info'];
    return {
      findings: [...found.sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level)), ...healthy],
      profiles,
      files: [
        { path: '~/.aws', what: 'AWS files', found: true, mode: '0700' },
        { path: '~/.aws/config', what: 'profiles', found: true, mode: '0600', link: '~/dotfiles/aws/config' },
        { path: '~/.aws/credentials', what: 'credentials of profiles', found: true, mode: '0644' },
        { path: '~/.local/share/stagedoor/sessions.sealed', what: 'sealed sessions', found: true, mode: '0600' },
      ],
      variables: [{ name: 'AWS_REGION', of: 'agent', value: 'eu-central-1' }, { name: 'HTTPS_PROXY', of: 'agent', value: null }],
    };
  }
  mend(mending: Mending): void {
    this.#mended.push(JSON.stringify(mending));
  }
}
