// Knex, and models of Objection over it: a typed view and project_integrations, whose key has two columns.
// Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`.
import knexOf from "knex";
import { Model } from "objection";
import { cases } from "../builder.mjs";
import { appSql, equal, finish, keys, run } from "../check.mjs";

class Slack extends Model {
    static tableName = "slack_settings";
    static jsonAttributes = ["labels"]; // else a list is sent as an array of PostgreSQL
}

class General extends Model {
    static tableName = "integration_defaults.project_integrations";
    static idColumn = ["project_id", "integration"];
    static jsonAttributes = ["settings"];
}

/** The same by the app's key, which relations need. */
class Integration extends General {
    static tableName = "project_integrations";
}

class Project extends Model {
    static tableName = "projects";
    static relationMappings = {
        slack: { relation: Model.HasOneRelation, modelClass: Slack, join: { from: "projects.id", to: "slack_settings.id" } },
        integrations: { relation: Model.HasManyRelation, modelClass: Integration, join: { from: "projects.id", to: "project_integrations.project_id" } },
    };
}

/** By Objection's models. */
class Models {
    constructor(knex) {
        this.knex = knex;
    }

    async query(text) {
        return (await this.knex.raw(text)).rows;
    }

    async slack(id) {
        return (await Slack.query().findById(id)).toJSON();
    }

    change(id, values, transaction) {
        return Slack.query(transaction).patch(values).where("id", id).returning("*");
    }

    changeAndRollBack(id, values) {
        return this.knex.transaction(async (transaction) => {
            await this.change(id, values, transaction);
            throw new Error("back");
        }).catch((error) => equal(error.message, "back"));
    }

    remove(id) {
        return Slack.query().deleteById(id);
    }

    async named(channel) {
        return (await Project.query().joinRelated("slack").where("slack.channel", channel)).map((p) => p.name);
    }

    integration(id) {
        return General.query().findById([id, "slack"]);
    }

    save(id, settings) {
        return General.query().patch({ settings }).whereComposite(["project_id", "integration"], [id, "slack"]).returning("*");
    }

    /** The settings of projects by a relation, as they come, and after one is saved. */
    async related(ids) {
        const projects = await Project.query().findByIds(ids).withGraphFetched("integrations").orderBy("id");
        await projects[0].$relatedQuery("integrations").patch({ settings: { ...projects[0].integrations[0].settings, channel: "#related" } });
        return [projects.map((p) => p.integrations[0].settings.channel), await Integration.query().whereIn("project_id", ids).orderBy("project_id")];
    }

    async resolve(id) {
        return (await this.knex.raw("SELECT * FROM integration_defaults.resolve('slack', ?)", [id])).rows[0];
    }

    async setCustom(id, settings) {
        await this.knex.raw("SELECT integration_defaults.set_custom('slack', ?, ?)", [id, settings]);
    }
}

/** By Knex alone. */
class Tables extends Models {
    slack(id) {
        return this.knex("slack_settings").where({ id }).first();
    }

    async change(id, values, transaction = this.knex) {
        const row = values.labels ? { ...values, labels: JSON.stringify(values.labels) } : values;
        return transaction("slack_settings").where({ id }).update(row, "*");
    }

    remove(id) {
        return this.knex("slack_settings").where({ id }).delete();
    }

    named(channel) {
        return this.knex("projects as p").join("slack_settings as s", "s.id", "p.id").where("s.channel", channel).pluck("p.name");
    }

    integration(id) {
        return this.knex.withSchema("integration_defaults").from("project_integrations")
            .where({ project_id: id, integration: "slack" }).first();
    }

    save(id, settings) {
        return this.knex.withSchema("integration_defaults").from("project_integrations")
            .where({ project_id: id, integration: "slack" }).update({ settings }, ["settings", "inherited"]);
    }
}

const more = {
    async relations(app, key) {
        const [before, after] = await app.related([key(12), key(13)]);
        equal([before, after.map((i) => i.settings.channel)], [["#team", "#general"], ["#related", "#general"]]);
    },
};

for (const [type, key] of Object.entries(keys)) {
    for (const App of [Models, Tables]) {
        console.log(`${type}, ${App.name}`);
        const knex = knexOf({
            client: "pg", searchPath: ["app", "public"], pool: { min: 1, max: 1 },
            connection: { host: process.env.PGHOST, user: process.env.PGUSER, database: process.env.PGDATABASE },
        });
        Model.knex(knex);
        await knex.raw(appSql(type));
        await run({ ...cases, ...more }, new App(knex), key, type);
        await knex.destroy();
    }
}
finish();
