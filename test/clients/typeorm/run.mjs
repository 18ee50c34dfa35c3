// TypeORM: a typed view as an entity with a one-to-one relation, its generated columns read back with RETURNING.
// Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`.
import "reflect-metadata";
import typeorm from "typeorm";
import { appSql, equal, finish, keys, refusal, run } from "../check.mjs";

const { DataSource, EntitySchema, In } = typeorm;

function entities(idType) {
    const derived = { insert: false, update: false, nullable: true };
    const Project = new EntitySchema({
        name: "Project", tableName: "projects", synchronize: false,
        columns: { id: { type: idType, primary: true }, group_id: { type: idType }, name: { type: "text" } },
        relations: { slack: { type: "one-to-one", target: "Slack", inverseSide: "project" } },
    });
    const Slack = new EntitySchema({
        name: "Slack", tableName: "slack_settings", synchronize: false,
        columns: {
            id: { type: idType, primary: true },
            active: { type: "boolean", nullable: true },
            inherited: { type: "boolean", ...derived },
            source_level: { type: "text", ...derived },
            source_id: { type: "text", ...derived },
            locked: { type: "text", array: true, ...derived },
            channel: { type: "text", nullable: true },
            retries: { type: "bigint", nullable: true },
            sample_rate: { type: "numeric", nullable: true },
            push_events: { type: "boolean", nullable: true },
            labels: { type: "jsonb", nullable: true },
            webhook: { type: "text", nullable: true },
            token: { type: "text", nullable: true },
        },
        relations: { project: { type: "one-to-one", target: "Project", inverseSide: "slack", joinColumn: { name: "id" } } },
    });
    const Integration = new EntitySchema({
        name: "Integration", schema: "integration_defaults", tableName: "project_integrations", synchronize: false,
        columns: {
            project_id: { type: "text", primary: true },
            integration: { type: "text", primary: true },
            active: { type: "boolean" },
            settings: { type: "jsonb" },
            inherited: { type: "boolean", ...derived },
        },
    });
    return [Project, Slack, Integration];
}

class App {
    constructor(type) {
        this.key = keys[type];
        [this.Project, this.Slack, this.Integration] = entities(type);
        this.source = new DataSource({
            type: "postgres", host: process.env.PGHOST, username: process.env.PGUSER, database: process.env.PGDATABASE,
            entities: [this.Project, this.Slack, this.Integration], extra: { options: "-c search_path=app,public" },
            installExtensions: false,
        });
    }

    get slack() { return this.source.getRepository(this.Slack); }
    get projects() { return this.source.getRepository(this.Project); }
    get integrations() { return this.source.getRepository(this.Integration); }
    load(n) { return this.slack.findOneBy({ id: this.key(n) }); }

    /** What project n has of its own, by plain SQL. */
    async own(n) {
        const rows = await this.source.query("SELECT settings FROM integration_defaults.project_settings WHERE project_id = $1", [this.key(n)]);
        return rows[0]?.settings;
    }
}

const cases = {
    async loadChangeSaveReload(app) {
        let slack = await app.load(2);
        equal([slack.channel, slack.inherited, slack.source_level, slack.locked, slack.retries, slack.sample_rate, slack.labels],
            ["#team", true, "group", ["push_events"], "3", "0.5", ["all"]]);
        slack.channel = "#mine";
        await app.slack.save(slack);
        equal(await app.own(2), { channel: "#mine" });
        slack = await app.load(2);
        equal([slack.inherited, slack.source_level, slack.channel, slack.retries], [false, "project", "#mine", "3"]);
        Object.assign(slack, { labels: ["a"], retries: "0", sample_rate: "0.25" });
        await app.slack.save(slack);
        slack = await app.load(2);
        equal([slack.channel, slack.labels, slack.retries, slack.sample_rate], ["#mine", ["a"], "0", "0.25"]);
        Object.assign(slack, { channel: null, labels: null, retries: null, sample_rate: null });
        await app.slack.save(slack);
        slack = await app.load(2);
        equal([slack.channel, slack.labels, slack.retries, slack.inherited], ["#team", ["all"], "3", true]);
        equal(await app.own(2), undefined);
    },

    async relationAndFilter(app) {
        const project = await app.projects.findOne({ where: { id: app.key(6) }, relations: { slack: true } });
        project.slack.channel = "#filtered";
        await app.slack.save(project.slack);
        const found = await app.projects.find({ where: { slack: { channel: "#filtered" } } });
        equal(found.map((p) => p.name), ["project 6"]);
        const general = await app.slack.find({ where: { channel: "#general" }, relations: { project: true } });
        equal([general.length, general.every((s) => s.project.id === s.id)], [100, true]);
        equal((await app.slack.update({ id: In([app.key(9), app.key(10)]) }, { channel: "#bulk" })).affected, 2);
        equal(await app.slack.countBy({ channel: "#bulk" }), 2);
    },

    async removeUsesTheDefault(app) {
        await app.slack.update({ id: app.key(8) }, { channel: "#mine" });
        await app.slack.remove(await app.load(8));
        equal((await app.load(8)).channel, "#team");
        equal((await app.slack.delete({ id: app.key(8) })).affected, 1);
    },

    async insertSetsCustomSettings(app) {
        await app.slack.insert({ id: app.key(12), webhook: "https://hooks.example/2", retries: "1" });
        const slack = await app.load(12);
        equal([slack.inherited, slack.channel, slack.active], [false, null, true]);
        await app.source.transaction(async (manager) => {
            await manager.insert(app.Project, { id: app.key(1000), group_id: app.key(2), name: "new" });
            const its = await manager.findOneBy(app.Slack, { id: app.key(1000) });
            equal([its.channel, its.inherited], ["#team", true]);
            its.channel = "#new";
            await manager.save(app.Slack, its);
        });
        equal(await app.own(1000), { channel: "#new" });
        await app.projects.delete({ id: app.key(1000) });
        equal(await app.own(1000), undefined);
    },

    async secretsAreMaskedAndStay(app) {
        let slack = await app.load(40);
        const mask = slack.token;
        equal(mask.startsWith("(secret "), true);
        slack.channel = "#kept";
        await app.slack.save(slack);
        equal(await app.own(40), { channel: "#kept" });
        await app.slack.update({ id: app.key(40) }, { webhook: "https://hooks.example/3", token: "t-3" });
        slack = await app.load(40);
        const changed = slack.token;
        equal([changed.startsWith("(secret "), changed === mask], [true, false]);
        slack.channel = "#still";
        await app.slack.save(slack);
        slack = await app.load(40);
        equal([slack.channel, slack.token, (await app.own(40)).token.$secret], ["#still", changed, "t-3"]);
    },

    // A row is always there, without a unique index: update it.
    async upsertIsRefused(app) {
        equal(await refusal(app.slack.upsert({ id: app.key(13), webhook: "https://hooks.example/2" }, ["id"])), ["42P10", undefined]);
        equal((await app.load(13)).inherited, true);
    },

    async refusalsAndSavepoints(app) {
        await app.source.transaction(async (manager) => {
            const slack = await manager.findOneBy(app.Slack, { id: app.key(14) });
            equal(await refusal(manager.transaction((inner) => inner.save(app.Slack, { ...slack, push_events: false }))),
                ["23514", "setting_not_locked"]);
            await manager.save(app.Slack, { ...slack, channel: "#after" });
        });
        equal(await app.own(14), { channel: "#after" });
    },

    async aProjectIsWhatOneLocks(app) {
        await app.source.transaction(async (manager) => {
            const lock = { mode: "pessimistic_write" };
            equal(await refusal(manager.transaction((inner) => inner.findOne(app.Slack, { where: { id: app.key(16) }, lock }))),
                ["0A000", undefined]);
            await manager.findOne(app.Project, { where: { id: app.key(16) }, lock });
            equal((await manager.findOneBy(app.Slack, { id: app.key(16) })).channel, "#team");
        });
    },

    async generalView(app) {
        const row = await app.integrations.findOneBy({ project_id: app.key(20), integration: "slack" });
        row.settings.channel = "#json";
        await app.integrations.save(row);
        equal(await app.own(20), { channel: "#json" });
        const found = await app.integrations.createQueryBuilder("i").where("i.settings @> :some", { some: { channel: "#json" } }).getMany();
        equal(found.map((i) => [i.project_id, i.inherited]), [[app.key(20), false]]);
    },

    async functions(app) {
        const custom = { webhook: "https://hooks.example/2", channel: "#custom" };
        await app.source.query("SELECT integration_defaults.set_custom($1, $2, $3)", ["slack", app.key(22), custom]);
        equal(await app.source.query("SELECT source_level, source_id FROM integration_defaults.resolve($1, $2)", ["slack", app.key(22)]),
            [{ source_level: "project", source_id: app.key(22) }]);
        equal(await app.source.query("SELECT integration_defaults.use_default($1, $2) AS was", ["slack", app.key(22)]), [{ was: true }]);
    },

    async entitiesOutliveAReplacedView(app) {
        const slack = await app.load(24);
        await app.source.query(`SELECT integration_defaults.register_integration('slack',
            jsonb_set(schema, '{properties,icon}', '{"type": "string"}'))
            FROM integration_defaults.integrations WHERE name = 'slack'`);
        await app.source.query("SELECT integration_defaults.create_view('slack')");
        slack.channel = "#still";
        await app.slack.save(slack);
        equal((await app.load(24)).channel, "#still");
    },
};

for (const type of Object.keys(keys)) {
    console.log(type);
    const app = new App(type);
    await app.source.initialize();
    await app.source.query(appSql(type));
    await run(cases, app);
    await app.source.destroy();
}
finish();
