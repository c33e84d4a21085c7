import { acknowledgeIncident } from "./alerts/acknowledge.ts";
import { createAlertRule } from "./alerts/create-rule.ts";
import { deleteOneAlertRule } from "./alerts/delete-rule.ts";
import { getAlertRule } from "./alerts/get-rule.ts";
import { listAlertIncidents } from "./alerts/list-incidents.ts";
import { listAllAlertRules } from "./alerts/list-rules.ts";
import { testAlertRule } from "./alerts/test-rule.ts";
import { changeAlertRule } from "./alerts/update-rule.ts";
import { listAudit } from "./audit/list.ts";
import { verifyAudit } from "./audit/verify.ts";
import { getConfig } from "./config/get.ts";
import { reloadConfig } from "./config/reload.ts";
import { createCredential } from "./credentials/create.ts";
import { deleteStoredCredential } from "./credentials/delete.ts";
import { getCredential } from "./credentials/get.ts";
import { listStoredCredentials } from "./credentials/list.ts";
import { rotateSealKey } from "./credentials/rotate-seal-key.ts";
import { testCredential } from "./credentials/test.ts";
import { changeCredential } from "./credentials/update.ts";
import { listJobs } from "./jobs/list.ts";
import { runJob } from "./jobs/run.ts";
import { changeKeys } from "./keys/bulk.ts";
import { createKey } from "./keys/create.ts";
import { disableKey } from "./keys/disable.ts";
import { enableKey } from "./keys/enable.ts";
import { findKeyFigures } from "./keys/figures.ts";
import { getKey } from "./keys/get.ts";
import { importKeys } from "./keys/import.ts";
import { reportLeak } from "./keys/leaked.ts";
import { listKeys } from "./keys/list.ts";
import { getKeyOptions } from "./keys/options.ts";
import { revokeKey } from "./keys/revoke.ts";
import { rotateKey } from "./keys/rotate.ts";
import { finishRotation } from "./keys/rotate-finish.ts";
import { changeKey } from "./keys/update.ts";
import { createBudget } from "./limits/create-budget.ts";
import { createRule } from "./limits/create-rule.ts";
import { deleteBudget } from "./limits/delete-budget.ts";
import { deleteRule } from "./limits/delete-rule.ts";
import { getBudget } from "./limits/get-budget.ts";
import { getRule } from "./limits/get-rule.ts";
import { listBudgets } from "./limits/list-budgets.ts";
import { listProcesses } from "./limits/list-processes.ts";
import { listRules } from "./limits/list-rules.ts";
import { listWindows } from "./limits/list-windows.ts";
import { previewOneLimit } from "./limits/preview.ts";
import { resetWindow } from "./limits/reset.ts";
import { topUpWindow } from "./limits/top-up.ts";
import { updateBudget } from "./limits/update-budget.ts";
import { updateRule } from "./limits/update-rule.ts";
import { writeOffProcess } from "./limits/write-off.ts";
import { listPlans } from "./plans/list.ts";
import { deletePrice } from "./prices/delete.ts";
import { getPrice } from "./prices/get.ts";
import { listPrices } from "./prices/list.ts";
import { putPrice } from "./prices/put.ts";
import { searchCatalogue } from "./prices/search-catalogue.ts";
import { listProviders } from "./providers/list.ts";
import { makeCallerFactory, makeRouter } from "./trpc.ts";
import { listEvents } from "./usage/events.ts";
import { queryUsage } from "./usage/query.ts";
import { repairUsage } from "./usage/reconcile.ts";
import { getReconcileReport } from "./usage/reconcile-report.ts";
import { rerateUsage } from "./usage/rerate.ts";
import { getRerate } from "./usage/rerate-get.ts";
import { listRerates } from "./usage/rerate-list.ts";
import { createUser } from "./users/create.ts";
import { deleteOneUser } from "./users/delete.ts";
import { disableUser } from "./users/disable.ts";
import { enableUser } from "./users/enable.ts";
import { getUser } from "./users/get.ts";
import { inviteUser } from "./users/invite.ts";
import { listAllUsers } from "./users/list.ts";
import { getSession } from "./users/session.ts";
import { updateOneUser } from "./users/update.ts";
import { createWebhook } from "./webhooks/create.ts";
import { deleteOneWebhook } from "./webhooks/delete.ts";
import { getWebhook } from "./webhooks/get.ts";
import { listAllWebhooks } from "./webhooks/list.ts";
import { listWebhookDeliveries } from "./webhooks/list-deliveries.ts";
import { replayDelivery } from "./webhooks/replay.ts";
import { replayParkedDeliveries } from "./webhooks/replay-parked.ts";
import { rotateWebhookSecret } from "./webhooks/rotate-secret.ts";
import { testWebhook } from "./webhooks/test.ts";
import { changeWebhook } from "./webhooks/update.ts";

/** Every admin procedure, for tRPC, REST and the CLI alike. */
export const appRouter = makeRouter({
  keys: makeRouter({
    create: createKey,
    list: listKeys,
    get: getKey,
    figures: findKeyFigures,
    options: getKeyOptions,
    update: changeKey,
    disable: disableKey,
    enable: enableKey,
    revoke: revokeKey,
    rotate: rotateKey,
    finishRotation,
    import: importKeys,
    bulk: changeKeys,
    leaked: reportLeak,
  }),
  audit: makeRouter({ list: listAudit, verify: verifyAudit }),
  limits: makeRouter({
    listWindows,
    topUp: topUpWindow,
    reset: resetWindow,
    preview: previewOneLimit,
    listProcesses,
    writeOff: writeOffProcess,
  }),
  users: makeRouter({
    create: createUser,
    list: listAllUsers,
    get: getUser,
    update: updateOneUser,
    disable: disableUser,
    enable: enableUser,
    delete: deleteOneUser,
    invite: inviteUser,
  }),
  rules: makeRouter({ create: createRule, list: listRules, get: getRule, update: updateRule, delete: deleteRule }),
  budgets: makeRouter({
    create: createBudget,
    list: listBudgets,
    get: getBudget,
    update: updateBudget,
    delete: deleteBudget,
  }),
  credentials: makeRouter({
    create: createCredential,
    list: listStoredCredentials,
    get: getCredential,
    update: changeCredential,
    delete: deleteStoredCredential,
    test: testCredential,
    rotateSealKey,
  }),
  plans: makeRouter({ list: listPlans }),
  config: makeRouter({ get: getConfig, reload: reloadConfig }),
  providers: makeRouter({ list: listProviders }),
  prices: makeRouter({
    list: listPrices,
    searchCatalogue,
    get: getPrice,
    put: putPrice,
    delete: deletePrice,
  }),
  session: makeRouter({ get: getSession }),
  usage: makeRouter({
    query: queryUsage,
    events: listEvents,
    rerate: rerateUsage,
    listRerates,
    getRerate,
    reconcile: repairUsage,
    reconcileReport: getReconcileReport,
  }),
  alerts: makeRouter({
    createRule: createAlertRule,
    listRules: listAllAlertRules,
    getRule: getAlertRule,
    updateRule: changeAlertRule,
    deleteRule: deleteOneAlertRule,
    testRule: testAlertRule,
    listIncidents: listAlertIncidents,
    acknowledge: acknowledgeIncident,
  }),
  jobs: makeRouter({ list: listJobs, run: runJob }),
  webhooks: makeRouter({
    create: createWebhook,
    list: listAllWebhooks,
    get: getWebhook,
    update: changeWebhook,
    delete: deleteOneWebhook,
    rotateSecret: rotateWebhookSecret,
    test: testWebhook,
    listDeliveries: listWebhookDeliveries,
    replay: replayDelivery,
    replayParked: replayParkedDeliveries,
  }),
});

export type AppRouter = typeof appRouter;

/** Calls procedures in this process, without HTTP: `makeCaller(context).keys.list({})`. */
export const makeCaller = makeCallerFactory(appRouter);
