// The one door between the window and what it runs in. Screens know this interface and nothing of Tauri; the product
// answers it with the agent, tests and design with an in-memory host.
//
// Every call rejects with an `Error` of the agent: a sentence, a hint and a code.

import type { AccountChoices } from './types/AccountChoices';
import type { AwsFile } from './types/AwsFile';
import type { ActivityPage } from './types/ActivityPage';
import type { ActivityQuery } from './types/ActivityQuery';
import type { CallerIdentity } from './types/CallerIdentity';
import type { Migration } from './types/Migration';
import type { SecretsPlace } from './types/SecretsPlace';
import type { Error as HostError } from './types/Error';
import type { Event as HostEvent } from './types/Event';
import type { ExportFormat } from './types/ExportFormat';
import type { FileDiff } from './types/FileDiff';
import type { FileEdit } from './types/FileEdit';
import type { Intent } from './types/Intent';
import type { PolicyText } from './types/PolicyText';
import type { PracticeOverview } from './types/PracticeOverview';
import type { NewRole } from './types/NewRole';
import type { Preview } from './types/Preview';
import type { LeaseRequest } from './types/LeaseRequest';
import type { LeaseView } from './types/LeaseView';
import type { Narrowing } from './types/Narrowing';
import type { DoctorReport } from './types/DoctorReport';
import type { Mending } from './types/Mending';
import type { PromptAnswer } from './types/PromptAnswer';
import type { SessionPolicy } from './types/SessionPolicy';
import type { Settings } from './types/Settings';
import type { SetupLine } from './types/SetupLine';
import type { SetupView } from './types/SetupView';
import type { Snapshot } from './types/Snapshot';
import type { VersionLine } from './types/VersionLine';

export type { AwsFile, CallerIdentity, FileDiff, FileEdit, HostError, HostEvent, Migration, PracticeOverview, Preview, SecretsPlace, Settings, Snapshot, LeaseRequest, LeaseView, Narrowing, SessionPolicy, VersionLine };
export type { ActivityPage, ActivityQuery, DoctorReport, Mending };
export type { AccountChoices, ExportFormat, Intent, PolicyText, SetupLine, SetupView };
export type { AskerView } from './types/AskerView';
export type { Gives } from './types/Gives';
export type { PromptAnswer } from './types/PromptAnswer';
export type { PromptView } from './types/PromptView';
export type { AccountView } from './types/AccountView';
export type { ActivityLine } from './types/ActivityLine';
export type { ActivityView } from './types/ActivityView';
export type { CallView } from './types/CallView';
export type { ChainView } from './types/ChainView';
export type { DiffLine } from './types/DiffLine';
export type { DecisionView } from './types/DecisionView';
export type { Finding } from './types/Finding';
export type { Level } from './types/Level';
export type { ProfileFinding } from './types/ProfileFinding';
export type { ExerciseView } from './types/ExerciseView';
export type { HopView } from './types/HopView';
export type { IamRoleView } from './types/IamRoleView';
export type { NewRole } from './types/NewRole';
export type { DocumentView } from './types/DocumentView';
export type { Expected } from './types/Expected';
export type { ExternalIdChoice } from './types/ExternalIdChoice';
export type { MissingPermission } from './types/MissingPermission';
export type { PolicyChoice } from './types/PolicyChoice';
export type { PolicyHolder } from './types/PolicyHolder';
export type { PolicyHome } from './types/PolicyHome';
export type { ProviderChoice } from './types/ProviderChoice';
export type { RoleChoice } from './types/RoleChoice';
export type { RolePermission } from './types/RolePermission';
export type { SetupAccount } from './types/SetupAccount';
export type { SetupChange } from './types/SetupChange';
export type { SetupNote } from './types/SetupNote';
export type { SetupProof } from './types/SetupProof';
export type { SetupState } from './types/SetupState';
export type { SetupStep } from './types/SetupStep';
export type { SetupTag } from './types/SetupTag';
export type { Standing } from './types/Standing';
export type { Trusted } from './types/Trusted';
export type { LineView } from './types/LineView';
export type { ProfileView } from './types/ProfileView';
export type { SessionTokenView } from './types/SessionTokenView';
export type { SessionView } from './types/SessionView';
export type { Shell } from './types/Shell';
export type { StatementView } from './types/StatementView';
export type { StepView } from './types/StepView';
export type { Theme } from './types/Theme';
export type { TrustView } from './types/TrustView';
export type { UserView } from './types/UserView';

/** An access key to be stored in the keychain, and the profile that it is for. */
export interface NewAccessKey {
  profile: string;
  key: { id: string; secret: string };
  region: string | null;
  mfa_serial: string | null;
}

/** A code from a stored seed. */
export interface MfaCode {
  code: string;
  /** RFC 3339. */
  valid_until: string;
}

export interface Host {
  /** The wall clock, in milliseconds. */
  now(): number;
  snapshot(): Promise<Snapshot>;
  /** Calls back with each new snapshot; returns how to stop. */
  onSnapshot(listener: (snapshot: Snapshot) => void): Promise<() => void>;
  /** Calls back with each moment; returns how to stop. */
  onMoment(listener: (moment: HostEvent) => void): Promise<() => void>;

  start(profile: string, code?: string): Promise<void>;
  stop(profile: string): Promise<void>;
  stopAll(): Promise<void>;
  openConsole(profile: string, service?: string): Promise<void>;
  copyConsoleLink(profile: string): Promise<void>;
  copyEnvironment(profile: string): Promise<void>;
  openTerminal(profile: string): Promise<void>;
  setFavourite(profile: string, favourite: boolean): Promise<void>;
  setColour(profile: string, colour: number): Promise<void>;
  addAccessKey(add: NewAccessKey): Promise<void>;
  addRole(add: NewRole): Promise<void>;
  importKey(profile: string): Promise<void>;
  undoImport(profile: string): Promise<void>;
  connect(profile: string): Promise<void>;
  disconnect(profile: string): Promise<void>;
  /** What an edit of the AWS files would change. */
  previewFiles(edit: FileEdit): Promise<Preview>;
  /** Makes it, and tells what it changed. */
  editFiles(edit: FileEdit): Promise<Preview>;
  /** The last versions of both AWS files, newest first. */
  fileVersions(): Promise<VersionLine[]>;
  /** What a version changed; or how the file differs from it now. */
  fileVersionDiff(file: AwsFile, number: number, againstNow: boolean): Promise<FileDiff>;
  handOutAccessKey(profile: string, yes: boolean): Promise<void>;
  /** Whether a person is asked each time before a program gets it. */
  setAsks(profile: string, yes: boolean): Promise<void>;
  /** Answers a question of the snapshot; a code is given by starting the profile with it. */
  answerPrompt(id: number, answer: PromptAnswer): Promise<void>;
  /** A narrowed session; it is in the next snapshot. */
  lease(request: LeaseRequest, code?: string): Promise<LeaseView>;
  /** What a narrowing means as session policies, without any call to AWS. */
  leasePolicy(profile: string, narrowing: Narrowing): Promise<SessionPolicy>;
  stopLease(lease: string): Promise<void>;
  /** Temporary credentials into a section of the credentials file, while the session lasts. */
  writeFile(profile: string, section: string): Promise<void>;
  writeFileNoMore(profile: string): Promise<void>;
  addTotpSeed(serial: string, seed: string): Promise<void>;
  mfaCode(serial: string): Promise<MfaCode>;
  startPractice(): Promise<void>;
  stopPractice(): Promise<void>;
  /** An SVG. */
  practiceQr(): Promise<string>;
  /** Who exists in it, its last calls, the exercise. */
  practiceOverview(): Promise<PracticeOverview>;
  /** Back to its start. */
  resetPractice(): Promise<void>;
  /** Does a step of the exercise, from 1. */
  playExercise(step: number): Promise<void>;
  /** Takes away what the exercise made. */
  restartExercise(): Promise<void>;
  setSettings(settings: Settings): Promise<void>;
  lock(): Promise<void>;
  /** The passphrase where the vault counts; the keychain asks by itself. */
  unlock(passphrase?: string): Promise<void>;
  /** Makes a vault; says which place counts then. */
  createVault(passphrase: string): Promise<SecretsPlace>;
  changePassphrase(old: string, next: string): Promise<void>;
  /** Moves everything there. The passphrase where the vault is not open. */
  migrate(to: SecretsPlace, passphrase?: string): Promise<Migration>;
  whoAmI(profile: string): Promise<CallerIdentity>;
  /** A page of the record of activity, newest first; what the query does not say does not count. */
  activity(query: Partial<ActivityQuery>): Promise<ActivityPage>;
  /** Writes what is asked for into a file; where it is. */
  exportActivity(query: Partial<ActivityQuery>): Promise<string>;
  doctor(): Promise<DoctorReport>;
  /** Does what the doctor offers to do. */
  mend(mending: Mending): Promise<void>;
  /** What there is in the account of an admin profile to choose from. Reads only. */
  setupAccount(admin: string): Promise<AccountChoices>;
  /** The versions of a customer managed policy. Reads only. */
  setupPolicy(admin: string, arn: string): Promise<PolicyText>;
  /** A plan, compared with what exists. Reads only. */
  setupPlan(intent: Intent): Promise<SetupView>;
  /** Begins to apply a plan; the snapshot's counter tells when there is news of it. */
  setupApply(id: string): Promise<void>;
  setupView(id: string): Promise<SetupView>;
  /** All that were applied, newest first. */
  setupList(): Promise<SetupLine[]>;
  setupUndo(id: string): Promise<void>;
  /** Goes on with one that stopped. */
  setupResume(id: string): Promise<void>;
  setupExport(id: string, format: ExportFormat): Promise<string>;
  /** Puts a text into the clipboard, which is cleared after half a minute. */
  copyText(text: string): Promise<void>;
  quit(): Promise<void>;
}

/** The host that this window runs in. */
export async function chooseHost(): Promise<Host> {
  if (__DESIGN__ && !('__TAURI_INTERNALS__' in window)) {
    const { browserHostFromLocation } = await import('./from-location');
    return browserHostFromLocation(window.location.search);
  }
  const { tauriHost } = await import('./tauri');
  return tauriHost();
}

/** Whatever was thrown, as what happened and what to do. */
export function asHostError(thrown: unknown): HostError {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && 'message' in thrown) {
    const error = thrown as HostError;
    return { ...error, hint: error.hint ?? '' };
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'agent', message, hint: 'Try again; if it stays, quit Stagedoor and start it once more' };
}
