// postgres.js: parameters have the types that the server tells, but a BigInt is sent as bigint. JSON is given by sql.json().
// Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`.
import postgres from "postgres";
import { cases } from "../builder.mjs";
import { appSql, equal, finish, keys, refusal, run } from "../check.mjs";

class App {
    constructor(sql) {
        this.sql = sql;
    }

    row(values) {
        return this.sql("labels" in values && values.labels ? { ...values, labels: this.sql.json(values.labels) } : values);
    }

    query(text) {
        return this.sql.unsafe(text);
    }

    async slack(id) {
        return { ...(await this.sql`SELECT * FROM slack_settings WHERE id = ${id}`)[0] };
    }

    async change(id, values, sql = this.sql) {
        return [...await sql`UPDATE slack_settings SET ${this.row(values)} WHERE id = ${id} RETURNING *`];
    }

    changeAndRollBack(id, values) {
        return this.sql.begin(async (sql) => {
            await this.change(id, values, sql);
            throw new Error("back");
        }).catch((error) => equal(error.message, "back"));
    }

    remove(id) {
        return this.sql`DELETE FROM slack_settings WHERE id = ${id}`;
    }

    async named(channel) {
        return (await this.sql`SELECT name FROM projects JOIN slack_settings USING (id) WHERE channel = ${channel}`).map((p) => p.name);
    }

    async integration(id) {
        return (await this.sql`SELECT * FROM integration_defaults.project_integrations
            WHERE project_id = ${id} AND integration = 'slack'`)[0];
    }

    save(id, settings) {
        return this.sql`UPDATE integration_defaults.project_integrations SET settings = ${this.sql.json(settings)}
            WHERE project_id = ${id} AND integration = 'slack' RETURNING settings, inherited`;
    }

    async resolve(id) {
        return (await this.sql`SELECT * FROM integration_defaults.resolve('slack', ${id})`)[0];
    }

    setCustom(id, settings) {
        return this.sql`SELECT integration_defaults.set_custom('slack', ${id}, ${this.sql.json(settings)})`;
    }
}

const more = {
    async bigInts(app, key, type) {
        if (type !== "bigint") return;
        equal((await app.slack(20n)).channel, "#team");
        equal((await app.resolve(20n)).settings.channel, "#team");
        equal(await refusal(app.integration(20n)), ["42883", undefined]); // text = bigint: give String(id)
        equal((await app.integration(String(20n))).settings.channel, "#team");
        const [row] = await app.sql`SELECT * FROM project_integrations WHERE project_id = ${20n} AND integration = 'slack'`;
        equal([row.project_id, row.settings.channel], ["20", "#team"]); // of the app's key: it takes the BigInt
    },
};

for (const [type, key] of Object.entries(keys)) {
    console.log(type);
    const sql = postgres({
        host: process.env.PGHOST, user: process.env.PGUSER, database: process.env.PGDATABASE, max: 1, onnotice() {},
        connection: { search_path: "app, public" },
    });
    await sql.unsafe(appSql(type));
    await run({ ...cases, ...more }, new App(sql), key, type);
    await sql.end();
}
finish();
