// An account in memory in which setups are planned, applied step by step, stopped, gone on with and undone.

import { ACCOUNT, planOf } from './setup-steps';
import { minutes } from './fixtures';
import type { AccountChoices, ExportFormat, Intent, PolicyText, SetupLine, SetupProof, SetupStep, SetupView } from './index';
import { fail } from './scenes';

const arn = (what: string): string => `arn:aws:iam::${ACCOUNT}:${what}`;
const POLICY = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['s3:GetObject', 's3:ListBucket'], Resource: '*' }] }, null, 2);

export class SetupWorld {
  /** Milliseconds for each step; 0: at once. */
  pace = 400;
  /** The action that AWS refuses until it is gone on with. */
  stopAt: string | null = null;
  /** The next proof of a refusal goes otherwise. */
  defect = false;
  /** What the admin profile lacks. */
  lacks: string[] = [];
  readonly plans = new Map<string, SetupView>();
  /** Applied ones, oldest first. */
  readonly journal: string[] = [];
  #count = 0;
  /** Tells the window that there is news. */
  news: () => void = () => {};

  choices(profile: string, long = false): AccountChoices {
    const role = (name: string, description: string | null, trusts: string[]) => ({ name, arn: arn(`role/${name}`), description, trust: '{}', trusts });
    return {
      profile, account_id: ACCOUNT, alias: 'acme-prod', arn: `arn:aws:sts::${ACCOUNT}:assumed-role/OrganizationAdmin/alice`,
      users: ['alice', 'milan', 'noor', 'tomasz'].map((name) => ({ name, arn: arn(`user/people/${name}`) })), groups: ['payments', 'on-call', 'auditors'],
      roles: [
        role('payments-deploy', 'Deploys the payment service', ['user/people/milan']), role('payments-readonly', 'Looks at the payment service', [ACCOUNT]),
        role(long ? 'wiederherstellung-der-produktionsumgebung-notfallzugriff-eu-1' : 'BreakGlass', 'For emergencies only', ['user/people/noor']), role('GlueJobRunner', null, ['glue.amazonaws.com']),
        role('Auditor', 'Reads everything', ['309455218807']), role('updateData', 'Writes into the shared bucket', ['AIDAXMPL2DELETED4USER']), role('payments-ci', null, ['codebuild.amazonaws.com']),
      ],
      policies: [{ name: 'people-guardrails', arn: arn('policy/people-guardrails'), aws: false }, { name: 'payments-logs', arn: arn('policy/payments-logs'), aws: false }, { name: 'ReadOnlyAccess', arn: 'arn:aws:iam::aws:policy/ReadOnlyAccess', aws: true }],
      providers: [{ arn: arn('oidc-provider/token.actions.githubusercontent.com'), oidc: true }, { arn: arn('saml-provider/acme'), oidc: false }], unseen: [],
    };
  }
  policy(wanted: string): PolicyText {
    const ids = wanted.endsWith('people-guardrails') ? ['v7', 'v6', 'v5', 'v4', 'v3'] : ['v2', 'v1'];
    return { arn: wanted, versions: ids.map((id, at) => ({ id, default: at === 0, text: POLICY })) };
  }

  plan(intent: Intent, admin: string): SetupView {
    if (intent.kind === 'user' && /\s/.test(intent.name)) throw fail('invalid_value', `The user name ${intent.name} has a space in it`, 'Use letters, figures and + = , . @ _ -');
    if (intent.kind === 'change' && intent.change.change === 'edit_policy') {
      try {
        JSON.parse(intent.change.text);
      } catch {
        throw fail('invalid_value', 'The policy is no JSON', 'See the line that is marked');
      }
    }
    const { title, steps, proofs, warnings = [], notes = [] } = planOf(intent, this.choices(admin).users.map((it) => it.name), this.choices(admin).groups, POLICY);
    const here = steps.every((it) => it.account_id === null);
    const missing = this.lacks.map((action) => ({ profile: admin, action, resource: arn('user/*'), why: 'no statement of any policy allows it' }));
    const view: SetupView = {
      id: `${intent.kind}-${++this.#count}`, kind: intent.kind, title, at: minutes(0), accounts: here ? [] : [{ account_id: ACCOUNT, alias: 'acme-prod', profile: admin, arn: arn('role/OrganizationAdmin') }],
      state: missing.length || steps.some((it) => it.standing === 'conflict') ? 'blocked' : 'planned', steps, verification: proofs, warnings, missing, notes, error: null, waits_until: null,
      undoable: false, resumable: false, left: [], revision: 1,
    };
    this.plans.set(view.id, view);
    return view;
  }
  view(id: string): SetupView {
    const found = this.plans.get(id);
    if (!found) throw fail('invalid_value', `There is no setup ${id}`, 'Look at the past setups');
    return found;
  }
  list(): SetupLine[] {
    return this.journal.map((id) => this.view(id)).reverse().map(({ id, kind, title, at, accounts, state, steps, undoable, resumable, waits_until }) => ({
      id, kind, title, at, accounts: accounts.map((it) => it.account_id), state, done: steps.filter((it) => it.state === 'done').length, steps: steps.length, undoable, resumable, waits_until,
    }));
  }

  #change(id: string, change: (view: SetupView) => Partial<SetupView>): void {
    const view = this.view(id);
    this.plans.set(id, { ...view, ...change(view), revision: view.revision + 1 });
    this.news();
  }
  #line(id: string, line: string, rest: Partial<SetupStep & SetupProof>): void {
    this.#change(id, (view) => ({
      steps: view.steps.map((it) => (it.id === line ? { ...it, ...rest } : it)), verification: view.verification.map((it) => (it.id === line ? { ...it, ...rest } : it)),
    }));
  }
  async #rest(): Promise<void> {
    if (this.pace) await new Promise((done) => setTimeout(done, this.pace));
  }

  apply(id: string): void {
    if (!this.journal.includes(id)) this.journal.push(id);
    void this.#run(id);
  }
  async #run(id: string): Promise<void> {
    this.#change(id, () => ({ state: 'applying', error: null, undoable: false, resumable: false }));
    for (const { id: line, action, state } of [...this.view(id).steps, ...this.view(id).verification]) {
      if (state === 'done' || state === 'exists') continue;
      const proof = line.startsWith('p');
      this.#line(id, line, { state: 'running', error: null, ...(proof ? { waits_for: 'waits for the next MFA code, 12 s' } : {}) });
      await this.#rest();
      if (action === this.stopAt) {
        const error = fail('aws_refused', `The permissions boundary people-guardrails on alice does not allow iam:${action}`, 'Ask for it and retry, or undo; the role is as it was');
        this.#line(id, line, { state: 'failed', error, took: 200 });
        this.#change(id, () => ({ state: 'stopped', error, undoable: true, resumable: true }));
        return;
      }
      if (action === 'Wait') {
        this.#change(id, () => ({ state: 'waiting', waits_until: minutes(60 * 24), undoable: true, resumable: true }));
        return;
      }
      this.#line(id, line, proof ? this.#proven(id, line) : { state: 'done', took: action === 'EnableMFADevice' ? 31_200 : 300 + Number(line) * 20, made: action === 'CreateAccessKey' ? 'AKIA…M4TD' : null });
    }
    this.#change(id, (view) => ({ state: view.verification.some((it) => it.outcome !== it.expected) ? 'defect' : 'done', undoable: true }));
  }
  #proven(id: string, line: string): Partial<SetupProof> {
    const proof = this.view(id).verification.find((it) => it.id === line);
    if (proof?.expected === 'denied' && this.defect) {
      this.defect = false;
      return {
        state: 'failed', outcome: 'allowed', waits_for: null, took: 210, said: 'AssumedRoleUser: payments-deploy/dana',
        because: [{ policy: 'trust policy', kind: 'resource', sid: null, number: 2, denies: false, text: JSON.stringify({ Effect: 'Allow', Principal: { AWS: arn('root') }, Action: 'sts:AssumeRole' }) }],
      };
    }
    return { state: 'done', outcome: proof?.expected ?? 'allowed', waits_for: null, took: proof?.expected === 'denied' ? 200 : 6800, said: proof?.expected === 'denied' ? 'AccessDenied: user/people/dana is not authorized to perform sts:AssumeRole' : 'AssumedRoleUser: payments-deploy/dana' };
  }
  resume(id: string): void {
    this.stopAt = null;
    const waits = this.view(id).steps.find((it) => it.action === 'Wait' && it.state === 'running');
    if (waits) this.#line(id, waits.id, { state: 'done' });
    void this.#run(id);
  }
  undo(id: string): void {
    void this.#back(id);
  }
  async #back(id: string): Promise<void> {
    this.#change(id, () => ({ state: 'undoing', undoable: false, resumable: false }));
    for (const { id: line } of this.view(id).steps.filter((it) => it.state === 'done' && !it.irreversible).reverse()) {
      await this.#rest();
      this.#line(id, line, { state: 'undone' });
    }
    this.#change(id, () => ({ state: 'undone', error: null }));
  }
  export(id: string, format: ExportFormat): string {
    const { title, steps } = this.view(id);
    if (format === 'terraform') return `# ${title}\n${steps.filter((it) => it.standing === 'new').map((it) => `resource "aws_iam" "${it.id}" {\n  # ${it.title}\n}`).join('\n\n')}\n`;
    return `#!/bin/sh\n# ${title}\nset -eu\n\n${steps.filter((it) => it.standing !== 'exists' && it.account_id).map((it) => `# ${it.title}\naws iam ${it.action.replace(/(?!^)([A-Z])/g, '-$1').toLowerCase()}`).join('\n\n')}\n`;
  }

  /** Some that were applied before. */
  past(): void {
    const dana = this.plan({ kind: 'role', admin: 'prod-admin', others: [], name: 'northwind-reports', path: null, description: null, tags: [], boundary: null, trusted: [{ who: 'third_party', id: '551209983471' }], require_mfa: false, mfa_max_age: null, external_id: 'auto', max_session: 3600, session_tags: [], source_identity: false, permissions: [{ what: 'bucket', bucket: 'acme-prod-reports' }], instance_profile: null, deployer: null, profile: null, source_profile: null, existing: false }, 'prod-admin');
    const key = this.plan({ kind: 'rotate', profile: 'alice', admin: null, wait: 86_400, drop: null }, 'alice');
    const told = (id: string, rest: Partial<SetupView>): void => {
      this.journal.push(id);
      const view = this.view(id);
      this.plans.set(id, { ...view, ...rest, steps: view.steps.map((it, at) => ({ ...it, state: rest.state === 'waiting' && at > 3 ? 'pending' : rest.state === 'waiting' && at === 3 ? 'running' : 'done', took: 300 })), verification: view.verification.map((it) => ({ ...it, state: 'done', outcome: it.expected, took: 200, said: 'AccessDenied' })) });
    };
    told(dana.id, { at: minutes(-60 * 24 * 3), state: 'done', undoable: true });
    told(key.id, { at: minutes(-90), state: 'waiting', waits_until: minutes(60 * 22), undoable: true, resumable: true });
  }
}
