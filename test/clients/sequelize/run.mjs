// Sequelize: a typed view and project_integrations as models, with RETURNING, and functions by raw queries.
// Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`.
import { DataTypes, QueryTypes, Sequelize, Transaction } from "sequelize";
import { appSql, equal, finish, keys, refusal, run } from "../check.mjs";

class App {
    constructor(type) {
        this.key = keys[type];
        this.sequelize = new Sequelize({
            dialect: "postgres", host: process.env.PGHOST, username: process.env.PGUSER, database: process.env.PGDATABASE,
            logging: false, define: { timestamps: false },
            hooks: { afterConnect: (client) => client.query("SET search_path = app, public") },
        });
        const id = { type: type === "uuid" ? DataTypes.UUID : DataTypes.BIGINT, primaryKey: true };
        this.Project = this.sequelize.define("Project", { id, group_id: id.type, name: DataTypes.TEXT }, { tableName: "projects" });
        this.Slack = this.sequelize.define("Slack", {
            id,
            active: DataTypes.BOOLEAN,
            inherited: DataTypes.BOOLEAN,
            source_level: DataTypes.TEXT,
            source_id: DataTypes.TEXT,
            locked: DataTypes.ARRAY(DataTypes.TEXT),
            channel: DataTypes.TEXT,
            retries: DataTypes.BIGINT,
            sample_rate: DataTypes.DECIMAL,
            push_events: DataTypes.BOOLEAN,
            labels: DataTypes.JSONB,
            webhook: DataTypes.TEXT,
            token: DataTypes.TEXT,
        }, { tableName: "slack_settings" });
        this.Integration = this.sequelize.define("Integration", {
            project_id: { type: DataTypes.TEXT, primaryKey: true },
            integration: { type: DataTypes.TEXT, primaryKey: true },
            active: DataTypes.BOOLEAN,
            settings: DataTypes.JSONB,
            inherited: DataTypes.BOOLEAN,
        }, { schema: "integration_defaults", tableName: "project_integrations" });
        this.ProjectIntegration = this.sequelize.define("ProjectIntegration", {
            project_id: { type: id.type, primaryKey: true },
            integration: { type: DataTypes.TEXT, primaryKey: true },
            active: DataTypes.BOOLEAN,
            settings: DataTypes.JSONB,
            inherited: DataTypes.BOOLEAN,
        }, { tableName: "project_integrations" });
        this.Project.hasMany(this.ProjectIntegration, { foreignKey: "project_id", as: "integrations" });
        this.ProjectIntegration.belongsTo(this.Project, { foreignKey: "project_id", as: "project" });
        this.Project.hasOne(this.Slack, { foreignKey: "id", as: "slack" });
        this.Slack.belongsTo(this.Project, { foreignKey: "id", as: "project" });
    }

    /** What project n has of its own, by plain SQL. */
    async own(n) {
        const rows = await this.sequelize.query("SELECT settings FROM integration_defaults.project_settings WHERE project_id = :id",
            { replacements: { id: this.key(n) }, type: QueryTypes.SELECT });
        return rows[0]?.settings;
    }
}

const cases = {
    async loadChangeSaveReload(app) {
        const slack = await app.Slack.findByPk(app.key(2));
        equal([slack.channel, slack.inherited, slack.source_level, slack.locked, slack.retries, slack.sample_rate, slack.labels],
            ["#team", true, "group", ["push_events"], "3", "0.5", ["all"]]);
        slack.channel = "#mine";
        await slack.save({ returning: true });
        equal(await app.own(2), { channel: "#mine" });
        equal([slack.inherited, slack.source_level], [false, "project"]); // what follows from the save
        await slack.update({ labels: ["a"], retries: 0, sample_rate: 0.25 });
        await slack.reload();
        equal([slack.channel, slack.labels, slack.retries, slack.sample_rate], ["#mine", ["a"], "0", "0.25"]);
        await slack.update({ channel: null, labels: null, retries: null, sample_rate: null });
        await slack.reload();
        equal([slack.channel, slack.labels, slack.retries, slack.inherited], ["#team", ["all"], "3", true]);
        equal(await app.own(2), undefined);
    },

    async associationAndFilter(app) {
        const project = await app.Project.findByPk(app.key(6), { include: "slack" });
        await project.slack.update({ channel: "#filtered" });
        const found = await app.Project.findAll({ include: { association: "slack", where: { channel: "#filtered" } } });
        equal(found.map((p) => p.name), ["project 6"]);
        const general = await app.Slack.findAll({ where: { channel: "#general" }, include: { association: "project", required: true } });
        equal([general.length, general.every((s) => s.project.id === s.id)], [100, true]);
        equal(await (await project.getSlack()).getProject().then((p) => p.name), "project 6");
        equal(await app.Slack.update({ channel: "#bulk" }, { where: { id: [app.key(9), app.key(10)] } }), [2]);
        equal(await app.Slack.count({ where: { channel: "#bulk" } }), 2);
    },

    async destroyUsesTheDefault(app) {
        const slack = await app.Slack.findByPk(app.key(8));
        await slack.update({ channel: "#mine" });
        await slack.destroy();
        equal((await app.Slack.findByPk(app.key(8))).channel, "#team");
        equal(await app.Slack.destroy({ where: { id: app.key(8) } }), 1);
    },

    async createSetsCustomSettings(app) {
        const slack = await app.Slack.create({ id: app.key(12), webhook: "https://hooks.example/2", retries: 1 });
        equal([slack.inherited, slack.channel, slack.active], [false, null, true]);
        await app.sequelize.transaction(async (transaction) => {
            const project = await app.Project.create({ id: app.key(1000), group_id: app.key(2), name: "new" }, { transaction });
            const its = await project.getSlack({ transaction });
            equal([its.channel, its.inherited], ["#team", true]);
            await its.update({ channel: "#new" }, { transaction });
        });
        equal(await app.own(1000), { channel: "#new" });
        await app.Project.destroy({ where: { id: app.key(1000) } });
        equal(await app.own(1000), undefined);
    },

    async secretsAreMaskedAndStay(app) {
        let slack = await app.Slack.findByPk(app.key(40));
        const mask = slack.token;
        equal(mask.startsWith("(secret "), true);
        await slack.update({ channel: "#kept", token: mask });
        equal(await app.own(40), { channel: "#kept" });
        await slack.update({ webhook: "https://hooks.example/3", token: "t-3" });
        slack = await app.Slack.findByPk(app.key(40));
        const changed = slack.token;
        equal([changed.startsWith("(secret "), changed === mask], [true, false]);
        await slack.update({ channel: "#still" });
        slack = await app.Slack.findByPk(app.key(40));
        equal([slack.channel, slack.token, (await app.own(40)).token.$secret], ["#still", changed, "t-3"]);
    },

    // A row is always there, without a unique index: update it.
    async upsertIsRefused(app) {
        equal(await refusal(app.Slack.upsert({ id: app.key(13), webhook: "https://hooks.example/2" })), ["42P10", undefined]);
        const [slack, created] = await app.Slack.findOrCreate({ where: { id: app.key(13) } });
        equal([slack.channel, created], ["#general", false]);
    },

    async refusalsAndSavepoints(app) {
        await app.sequelize.transaction(async (transaction) => {
            const slack = await app.Slack.findByPk(app.key(14), { transaction });
            equal(await refusal(app.sequelize.transaction({ transaction },
                (inner) => slack.update({ push_events: false }, { transaction: inner }))), ["23514", "setting_not_locked"]);
            await slack.reload({ transaction });
            await slack.update({ channel: "#after" }, { transaction });
        });
        equal(await app.own(14), { channel: "#after" });
    },

    async aProjectIsWhatOneLocks(app) {
        await app.sequelize.transaction(async (transaction) => {
            const lock = Transaction.LOCK.UPDATE;
            equal(await refusal(app.sequelize.transaction({ transaction },
                (inner) => app.Slack.findByPk(app.key(16), { transaction: inner, lock }))), ["0A000", undefined]);
            const project = await app.Project.findByPk(app.key(16), { transaction, lock });
            equal((await project.getSlack({ transaction })).channel, "#team");
        });
    },

    async generalView(app) {
        const row = await app.Integration.findOne({ where: { project_id: app.key(20), integration: "slack" } });
        row.settings = { ...row.settings, channel: "#json" };
        await row.save({ returning: true });
        equal([row.inherited, await app.own(20)], [false, { channel: "#json" }]);
        row.set("settings.channel", "#path");
        await row.save();
        equal(await app.own(20), { channel: "#path" });
        equal(await app.Integration.count({ where: { integration: "slack", settings: { channel: "#path" } } }), 1);
    },

    async generalViewByTheAppsKey(app) {
        const where = { id: [app.key(28), app.key(29)] };
        const [project, other] = await app.Project.findAll({ where, include: "integrations", order: ["id"] });
        equal([project, other].map((p) => p.integrations[0].settings.channel), ["#team", "#general"]);
        await project.integrations[0].update({ settings: { ...project.integrations[0].settings, channel: "#many" } }, { returning: true });
        equal([project.integrations[0].inherited, await app.own(28)], [false, { channel: "#many" }]);
        const [found] = await app.ProjectIntegration.findAll({ where: { "settings.channel": "#many" }, include: "project" });
        equal([found.project_id, found.project.name], [app.key(28), "project 28"]);
    },

    async functions(app) {
        const query = (sql, bind) => app.sequelize.query(sql, { bind, type: QueryTypes.SELECT });
        const custom = { webhook: "https://hooks.example/2", channel: "#custom" };
        await query("SELECT integration_defaults.set_custom($1, $2, $3)", ["slack", app.key(22), JSON.stringify(custom)]);
        equal(await query("SELECT source_level, source_id FROM integration_defaults.resolve($1, $2)", ["slack", app.key(22)]),
            [{ source_level: "project", source_id: app.key(22) }]);
        equal(await query("SELECT integration_defaults.use_default($1, $2) AS was", ["slack", app.key(22)]), [{ was: true }]);
    },

    async modelsOutliveAReplacedView(app) {
        const slack = await app.Slack.findByPk(app.key(24));
        await app.sequelize.query(`SELECT integration_defaults.register_integration('slack',
            jsonb_set(schema, '{properties,icon}', '{"type": "string"}'))
            FROM integration_defaults.integrations WHERE name = 'slack'`);
        await app.sequelize.query("SELECT integration_defaults.create_view('slack')");
        await slack.update({ channel: "#still" });
        equal((await slack.reload()).channel, "#still");
    },
};

for (const type of Object.keys(keys)) {
    console.log(type);
    const app = new App(type);
    await app.sequelize.query(appSql(type));
    await run(cases, app);
    await app.sequelize.close();
}
finish();
