// PostGraphile: the general view by the app's key and the functions, as GraphQL. Smart tags tell it the keys of a view, and
// what may be called.
// Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`.
import { graphql } from "graphql";
import pg from "pg";
import { createPostGraphileSchema, withPostGraphileContext } from "postgraphile";
import { appSql, equal, finish, keys, run } from "../../clients/check.mjs";

const TAGS = `
    COMMENT ON VIEW app.slack_settings IS E'@primaryKey id\\n@foreignKey (id) references app.projects (id)';
    COMMENT ON VIEW app.project_integrations IS E'@primaryKey project_id,integration\\n@foreignKey (project_id) references app.projects (id)';
    CREATE FUNCTION app.set_slack(project_id KEY_TYPE, settings jsonb) RETURNS void LANGUAGE sql AS
        $$ SELECT integration_defaults.set_custom('slack', project_id, settings) $$;
    CREATE FUNCTION app.projects_active_slack(project app.projects) RETURNS jsonb STABLE LANGUAGE sql AS
        $$ SELECT integration_defaults.active_settings('slack', project.id) $$;`;

class App {
    constructor(pool, schema) {
        this.pool = pool;
        this.schema = schema;
    }

    async own(id) {
        const { rows } = await this.pool.query("SELECT settings FROM integration_defaults.project_settings WHERE project_id = $1", [id]);
        return rows[0]?.settings;
    }

    async ask(query, variables = {}) {
        const { data, errors } = await withPostGraphileContext({ pgPool: this.pool }, (context) =>
            graphql(this.schema, query, null, { ...context }, variables));
        if (errors) {
            const { code, constraint } = errors[0].originalError ?? {};
            return { code, constraint, message: errors[0].message };
        }
        return data;
    }
}

const cases = {
    async generalView(app, key, type) {
        const { projectById } = await app.ask(`query ($id: ${type}!) { projectById(id: $id) { name
            projectIntegrationsByProjectId { nodes { integration active settings inherited } } slackSettingById { channel labels retries } activeSlack } }`,
            { id: key(20) });
        const [its] = projectById.projectIntegrationsByProjectId.nodes;
        equal([projectById.name, its.integration, its.active, JSON.parse(its.settings).channel, its.inherited], ["project 20", "slack", true, "#team", true]);
        equal([projectById.slackSettingById.channel, projectById.slackSettingById.retries, JSON.parse(projectById.activeSlack).channel], ["#team", "3", "#team"]);
        const found = await app.ask(`{ allProjectIntegrations(condition: {integration: "slack"}, orderBy: PROJECT_ID_DESC, first: 2) { nodes { projectId } } }`);
        equal(found.allProjectIntegrations.nodes.map((node) => node.projectId), [key(200), key(199)]);
    },

    async update(app, key, type) {
        const update = `mutation ($id: ${type}!, $settings: JSON!) { updateProjectIntegrationByProjectIdAndIntegration(
            input: {projectId: $id, integration: "slack", projectIntegrationPatch: {settings: $settings}}) { projectIntegration { settings inherited } } }`;
        const { settings } = (await app.pool.query("SELECT settings FROM app.project_integrations WHERE project_id = $1", [key(10)])).rows[0];
        const changed = await app.ask(update, { id: key(10), settings: JSON.stringify({ ...settings, channel: "#json" }) });
        equal(changed.updateProjectIntegrationByProjectIdAndIntegration?.projectIntegration.inherited, false);
        equal(await app.own(key(10)), { channel: "#json" });
        const refused = await app.ask(update, { id: key(12), settings: JSON.stringify({ ...settings, push_events: false }) });
        equal([refused.code, refused.constraint], ["23514", "setting_not_locked"]);
    },

    async typedView(app, key, type) {
        const update = `mutation ($id: ${type}!, $patch: SlackSettingPatch!) { updateSlackSettingById(input: {id: $id, slackSettingPatch: $patch}) {
            slackSetting { channel inherited } } }`;
        const mine = await app.ask(update, { id: key(2), patch: { channel: "#mine" } });
        equal({ ...mine.updateSlackSettingById?.slackSetting }, { channel: "#mine", inherited: false });
        equal(await app.own(key(2)), { channel: "#mine" });
        const back = await app.ask(update, { id: key(2), patch: { channel: null } });
        equal({ ...back.updateSlackSettingById?.slackSetting }, { channel: "#team", inherited: true });
    },

    async functions(app, key, type) {
        const call = `mutation ($id: ${type}!, $settings: JSON!) { setSlack(input: {projectId: $id, settings: $settings}) { clientMutationId } }`;
        await app.ask(call, { id: key(3), settings: JSON.stringify({ webhook: "https://hooks.example/2" }) });
        equal(await app.own(key(3)), { webhook: "https://hooks.example/2" });
        const refused = await app.ask(call, { id: key(999), settings: "{}" });
        equal([refused.code, refused.constraint], ["42704", undefined]);
    },
};

const scalars = { bigint: "BigInt", uuid: "UUID" };
for (const [type, key] of Object.entries(keys)) {
    console.log(type);
    const pool = new pg.Pool({ options: "-c search_path=app,public", max: 2 });
    await pool.query(appSql(type) + TAGS.replaceAll("KEY_TYPE", type));
    const schema = await createPostGraphileSchema(pool, "app", {});
    await run(cases, new App(pool, schema), key, scalars[type]);
    await pool.end();
}
finish();
