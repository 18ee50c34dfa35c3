// Kysely, over node-pg: lists for a column of jsonb are given as JSON, as node-pg would send an array of PostgreSQL.
// Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`.
import { CompiledQuery, Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { cases } from "../builder.mjs";
import { appSql, equal, finish, keys, run } from "../check.mjs";

class App {
    constructor(db) {
        this.db = db;
    }

    async query(text) {
        return (await this.db.executeQuery(CompiledQuery.raw(text))).rows;
    }

    slack(id) {
        return this.db.selectFrom("slack_settings").selectAll().where("id", "=", id).executeTakeFirst();
    }

    change(id, values, db = this.db) {
        const row = values.labels ? { ...values, labels: JSON.stringify(values.labels) } : values;
        return db.updateTable("slack_settings").set(row).where("id", "=", id).returningAll().execute();
    }

    changeAndRollBack(id, values) {
        return this.db.transaction().execute(async (transaction) => {
            await this.change(id, values, transaction);
            throw new Error("back");
        }).catch((error) => equal(error.message, "back"));
    }

    remove(id) {
        return this.db.deleteFrom("slack_settings").where("id", "=", id).execute();
    }

    async named(channel) {
        const rows = await this.db.selectFrom("projects as p").innerJoin("slack_settings as s", "s.id", "p.id").select("p.name")
            .where("s.channel", "=", channel).execute();
        return rows.map((p) => p.name);
    }

    integration(id) {
        return this.db.withSchema("integration_defaults").selectFrom("project_integrations").selectAll()
            .where("project_id", "=", id).where("integration", "=", "slack").executeTakeFirst();
    }

    save(id, settings) {
        return this.db.withSchema("integration_defaults").updateTable("project_integrations").set({ settings })
            .where("project_id", "=", id).where("integration", "=", "slack").returning(["settings", "inherited"]).execute();
    }

    async resolve(id) {
        return (await sql`SELECT * FROM integration_defaults.resolve('slack', ${id})`.execute(this.db)).rows[0];
    }

    setCustom(id, settings) {
        return sql`SELECT integration_defaults.set_custom('slack', ${id}, ${settings})`.execute(this.db);
    }
}

for (const [type, key] of Object.entries(keys)) {
    console.log(type);
    const pool = new pg.Pool({ options: "-c search_path=app,public", max: 1 });
    await pool.query(appSql(type));
    const db = new Kysely({ dialect: new PostgresDialect({ pool }) });
    await run(cases, new App(db), key, type);
    await db.destroy();
}
finish();
