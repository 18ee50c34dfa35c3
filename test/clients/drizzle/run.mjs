// Drizzle, over node-pg: the views are declared as tables, as Drizzle doesn't write to what it knows as a view. They are
// not for drizzle-kit push, which would make them.
// Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`.
import { and, eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { bigint, boolean, jsonb, numeric, pgSchema, text, uuid } from "drizzle-orm/pg-core";
import pg from "pg";
import { cases } from "../builder.mjs";
import { appSql, equal, finish, keys, run } from "../check.mjs";

const integrations = pgSchema("integration_defaults").table("project_integrations", {
    project_id: text(),
    integration: text(),
    active: boolean(),
    settings: jsonb(),
    inherited: boolean(),
});

const whole = () => numeric(); // a bigint as text: bigint() gives numbers of JavaScript or BigInt

class App {
    constructor(db, type) {
        this.db = db;
        const app = pgSchema("app"), id = () => (type === "uuid" ? uuid() : bigint({ mode: "number" })).primaryKey();
        this.projects = app.table("projects", { id: id(), name: text() });
        this.slacks = app.table("slack_settings", {
            id: id(),
            inherited: boolean(),
            locked: text().array(),
            channel: text(),
            retries: whole(),
            sample_rate: numeric(),
            push_events: boolean(),
            labels: jsonb(),
            webhook: text(),
            token: text(),
        });
    }

    async query(text) {
        return (await this.db.execute(sql.raw(text))).rows;
    }

    async slack(id) {
        return (await this.db.select().from(this.slacks).where(eq(this.slacks.id, id)))[0];
    }

    change(id, values, db = this.db) {
        return db.update(this.slacks).set(values).where(eq(this.slacks.id, id)).returning();
    }

    changeAndRollBack(id, values) {
        return this.db.transaction(async (transaction) => {
            await this.change(id, values, transaction);
            throw new Error("back");
        }).catch((error) => equal(error.message, "back"));
    }

    remove(id) {
        return this.db.delete(this.slacks).where(eq(this.slacks.id, id));
    }

    async named(channel) {
        const rows = await this.db.select({ name: this.projects.name }).from(this.projects)
            .innerJoin(this.slacks, eq(this.slacks.id, this.projects.id)).where(eq(this.slacks.channel, channel));
        return rows.map((p) => p.name);
    }

    one(id) {
        return and(eq(integrations.project_id, id), eq(integrations.integration, "slack"));
    }

    async integration(id) {
        return (await this.db.select().from(integrations).where(this.one(id)))[0];
    }

    save(id, settings) {
        return this.db.update(integrations).set({ settings }).where(this.one(id)).returning();
    }

    async resolve(id) {
        return (await this.db.execute(sql`SELECT * FROM integration_defaults.resolve('slack', ${id})`)).rows[0];
    }

    setCustom(id, settings) {
        return this.db.execute(sql`SELECT integration_defaults.set_custom('slack', ${id}, ${settings})`);
    }
}

for (const [type, key] of Object.entries(keys)) {
    console.log(type);
    const pool = new pg.Pool({ options: "-c search_path=app,public", max: 1 });
    await pool.query(appSql(type));
    await run(cases, new App(drizzle(pool), type), key, type);
    await pool.end();
}
finish();
