// MikroORM: a typed view and the general view by the app's key as entities, and what its schema:update would drop.
// Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`.
import { EntitySchema, MikroORM, raw, wrap } from "@mikro-orm/postgresql";
import { cases } from "../../clients/builder.mjs";
import { appSql, equal, finish, keys, refusal, run } from "../../clients/check.mjs";

const derived = { persist: false, nullable: true };

function entities(type) {
    const id = type === "uuid" ? "uuid" : "string", columnType = type;
    const Slack = new EntitySchema({
        name: "Slack", tableName: "slack_settings",
        properties: {
            project: { kind: "1:1", entity: () => "Project", primary: true, owner: true, fieldName: "id", inversedBy: "slack", createForeignKeyConstraint: false },
            inherited: { type: "boolean", ...derived },
            locked: { type: "string[]", ...derived },
            channel: { type: "text", nullable: true },
            retries: { type: "bigint", nullable: true, runtimeType: "string" },
            sample_rate: { type: "decimal", nullable: true, runtimeType: "string" },
            push_events: { type: "boolean", nullable: true },
            labels: { type: "json", nullable: true },
            webhook: { type: "text", nullable: true },
            token: { type: "text", nullable: true },
        },
    });
    const Integration = new EntitySchema({
        name: "Integration", tableName: "project_integrations",
        properties: {
            project: { kind: "m:1", entity: () => "Project", primary: true, fieldName: "project_id", createForeignKeyConstraint: false },
            integration: { type: "text", primary: true },
            active: { type: "boolean" },
            settings: { type: "json" },
            inherited: { type: "boolean", ...derived },
        },
    });
    const Project = new EntitySchema({
        name: "Project", tableName: "projects",
        properties: {
            id: { type: id, columnType, primary: true },
            name: { type: "text" },
            slack: { kind: "1:1", entity: () => "Slack", mappedBy: "project" },
            integrations: { kind: "1:m", entity: () => "Integration", mappedBy: "project" },
        },
    });
    return [Slack, Integration, Project];
}

class App {
    constructor(orm) {
        this.orm = orm;
    }

    query(text) {
        return this.orm.em.getConnection().execute(text);
    }

    async slack(id) {
        const { project, ...row } = wrap(await this.orm.em.fork().findOneOrFail("Slack", { project: id })).toPOJO();
        return row;
    }

    /** As an entity that is loaded, changed and saved: what follows from the save is read again. */
    async change(id, values, em = this.orm.em.fork()) {
        const slack = await em.findOneOrFail("Slack", { project: id });
        em.assign(slack, values);
        await em.flush();
        await em.refresh(slack);
        return [wrap(slack).toPOJO()];
    }

    changeAndRollBack(id, values) {
        return this.orm.em.fork().transactional(async (em) => {
            await this.change(id, values, em);
            throw new Error("back");
        }).catch((error) => equal(error.message, "back"));
    }

    remove(id) {
        return this.orm.em.fork().nativeDelete("Slack", { project: id });
    }

    async named(channel) {
        return (await this.orm.em.fork().find("Project", { slack: { channel } })).map((project) => project.name);
    }

    integration(id) {
        return this.orm.em.fork().findOneOrFail("Integration", { project: String(id), integration: "slack" });
    }

    async save(id, settings) {
        const em = this.orm.em.fork();
        const row = await em.findOneOrFail("Integration", { project: id, integration: "slack" });
        row.settings = settings;
        await em.flush();
        await em.refresh(row);
        return [row];
    }

    async resolve(id) {
        return (await this.orm.em.getConnection().execute("SELECT * FROM integration_defaults.resolve('slack', ?)", [id]))[0];
    }

    setCustom(id, settings) {
        return this.orm.em.getConnection().execute("SELECT integration_defaults.set_custom('slack', ?, ?)", [id, settings]);
    }
}

const more = {
    async association(app, key) {
        const em = app.orm.em.fork();
        const projects = await em.find("Project", { id: [key(12), key(13)] }, { populate: ["integrations", "slack"], orderBy: { id: "asc" } });
        equal(projects.map((p) => [p.slack.channel, p.integrations[0].settings.channel]), [["#team", "#team"], ["#general", "#general"]]);
        projects[0].integrations[0].settings = { ...projects[0].integrations[0].settings, channel: "#many" };
        await em.flush();
        equal((await app.slack(key(12))).channel, "#many");
        const found = await em.find("Project", { integrations: { [raw("settings ->> 'channel'")]: "#many" } });
        equal(found.map((p) => p.name), ["project 12"]);
    },

    // schema:update looks at all schemas, and knows of no views: it leaves alone what is ignored and skipped, only.
    async schemaTool(app) {
        const settings = app.orm.config.get("schemaGenerator"), guarded = { ...settings };
        const lines = async (changed) => {
            Object.assign(settings, changed);
            const sql = await app.orm.schema.getUpdateSchemaSQL({ wrap: false });
            Object.assign(settings, guarded);
            return (what) => sql.split("\n").filter((line) => what.test(line)).length > 0;
        };
        let has = await lines({});
        equal([has(/integration_defaults/), has(/slack_settings|project_integrations/)], [false, false]);
        has = await lines({ ignoreSchema: [] });
        equal([has(/drop table .*"integration_defaults"\."project_settings"/), has(/slack_settings/)], [true, false]);
        has = await lines({ skipTables: [] });
        equal([has(/integration_defaults/), has(/create table "app"\."slack_settings"/)], [false, true]);
    },
};

for (const [type, key] of Object.entries(keys)) {
    console.log(type);
    const orm = await MikroORM.init({
        entities: entities(type), host: process.env.PGHOST, user: process.env.PGUSER, dbName: process.env.PGDATABASE, schema: "app",
        pool: { min: 1, max: 1 }, discovery: { warnWhenNoEntities: false }, connect: false,
        schemaGenerator: { ignoreSchema: ["integration_defaults"], skipTables: ["slack_settings", "project_integrations"] },
        driverOptions: { connection: { options: "-c search_path=app,public" } },
    });
    await orm.connect();
    await orm.em.getConnection().execute(appSql(type));
    await run({ ...cases, ...more }, new App(orm), key, type);
    await orm.close();
}
finish();
