// The host of the product: Tauri commands and events, answered by the agent. Nothing else imports @tauri-apps.

import { invoke } from '@tauri-apps/api/core';
import { emit, listen } from '@tauri-apps/api/event';
import type { CallerIdentity, FileDiff, Host, HostEvent, MfaCode, Migration, PracticeOverview, Preview, SecretsPlace, Snapshot, LeaseView, SessionPolicy, VersionLine, ActivityPage, DoctorReport, AccountChoices, PolicyText, SetupLine, SetupView } from './index';

export function tauriHost(): Host {
  return {
    now: () => Date.now(),
    snapshot: () => invoke<Snapshot>('snapshot'),
    onSnapshot: (listener) => listen<Snapshot>('snapshot', (event) => listener(event.payload)),
    onMoment: async (listener) => {
      const stop = await listen<HostEvent>('moment', (event) => listener(event.payload));
      // What waited for this page can come now.
      await emit('listening');
      return stop;
    },

    start: (profile, code) => invoke('start', { profile, code }),
    stop: (profile) => invoke('stop', { profile }),
    stopAll: () => invoke('stop_all'),
    openConsole: (profile, service) => invoke('open_console', { profile, service }),
    copyConsoleLink: (profile) => invoke('copy_console_link', { profile }),
    copyEnvironment: (profile) => invoke('copy_environment', { profile }),
    openTerminal: (profile) => invoke('open_terminal', { profile }),
    setFavourite: (profile, favourite) => invoke('set_favourite', { profile, favourite }),
    setColour: (profile, colour) => invoke('set_colour', { profile, colour }),
    addAccessKey: (add) => invoke('add_access_key', { new: add }),
    addRole: (add) => invoke('add_role', { new: add }),
    importKey: (profile) => invoke('import_key', { profile }),
    undoImport: (profile) => invoke('undo_import', { profile }),
    connect: (profile) => invoke('connect', { profile }),
    disconnect: (profile) => invoke('disconnect', { profile }),
    previewFiles: (edit) => invoke<Preview>('preview_files', { edit }),
    editFiles: (edit) => invoke<Preview>('edit_files', { edit }),
    fileVersions: () => invoke<VersionLine[]>('file_versions'),
    fileVersionDiff: (file, number, againstNow) => invoke<FileDiff>('file_version_diff', { file, number, againstNow }),
    handOutAccessKey: (profile, yes) => invoke('hand_out_access_key', { profile, yes }),
    setAsks: (profile, yes) => invoke('set_asks', { profile, yes }),
    answerPrompt: (id, answer) => invoke('answer_prompt', { id, answer }),
    lease: (request, code) => invoke<LeaseView>('lease', { request, code }),
    leasePolicy: (profile, narrowing) => invoke<SessionPolicy>('lease_policy', { profile, narrowing }),
    stopLease: (lease) => invoke('stop_lease', { lease }),
    writeFile: (profile, section) => invoke('write_file', { profile, section }),
    writeFileNoMore: (profile) => invoke('write_file_no_more', { profile }),
    addTotpSeed: (serial, seed) => invoke('add_totp_seed', { serial, seed }),
    mfaCode: (serial) => invoke<MfaCode>('mfa_code', { serial }),
    startPractice: () => invoke('start_practice'),
    stopPractice: () => invoke('stop_practice'),
    practiceQr: () => invoke<string>('practice_qr'),
    practiceOverview: () => invoke<PracticeOverview>('practice_overview'),
    resetPractice: () => invoke('reset_practice'),
    playExercise: (step) => invoke('play_exercise', { step }),
    restartExercise: () => invoke('restart_exercise'),
    setSettings: (settings) => invoke('set_settings', { settings }),
    lock: () => invoke('lock'),
    unlock: (passphrase) => invoke('unlock', { passphrase }),
    createVault: (passphrase) => invoke<SecretsPlace>('create_vault', { passphrase }),
    changePassphrase: (old, next) => invoke('change_passphrase', { old, new: next }),
    migrate: (to, passphrase) => invoke<Migration>('migrate', { to, passphrase }),
    activity: (query) => invoke<ActivityPage>('activity', { query }),
    exportActivity: (query) => invoke<string>('export_activity', { query }),
    doctor: () => invoke<DoctorReport>('doctor'),
    mend: (mending) => invoke('mend', { mending }),
    whoAmI: (profile) => invoke<CallerIdentity>('who_am_i', { profile }),
    setupAccount: (admin) => invoke<AccountChoices>('setup_account', { admin }),
    setupPolicy: (admin, arn) => invoke<PolicyText>('setup_policy', { admin, arn }),
    setupPlan: (intent) => invoke<SetupView>('setup_plan', { intent }),
    setupApply: (id) => invoke('setup_apply', { id }),
    setupView: (id) => invoke<SetupView>('setup_view', { id }),
    setupList: () => invoke<SetupLine[]>('setup_list'),
    setupUndo: (id) => invoke('setup_undo', { id }),
    setupResume: (id) => invoke('setup_resume', { id }),
    setupExport: (id, format) => invoke<string>('setup_export', { id, format }),
    copyText: (text) => invoke('copy_text', { text }),
    quit: () => invoke('quit'),
  };
}
