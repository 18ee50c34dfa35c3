// What the clients in JavaScript share: the app's schema, the cases, and the last line `N passed, N failed`.
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

// The types that the app's ids may have, and how the driver gives the n-th: bigint as text, as JavaScript's numbers
// hold 53 bits.
export const keys = {
    bigint: (n) => String(n),
    uuid: (n) => `00000000-0000-0000-0000-${String(n).padStart(12, "0")}`,
};

let passed = 0, failed = 0, here = "";

export const appSql = (type) => readFileSync(new URL("app.sql", import.meta.url), "utf8").replaceAll("KEY_TYPE", type);

export function equal(got, expected) {
    if (isDeepStrictEqual(got, expected)) {
        passed++;
        return;
    }
    failed++;
    const line = new Error().stack.split("\n")[2].match(/:(\d+):\d+/)?.[1];
    console.log(`FAILED ${here}, line ${line}: got ${JSON.stringify(got)}, expected ${JSON.stringify(expected)}`);
}

/** The SQLSTATE and the constraint that something is refused with. */
export async function refusal(promise) {
    try {
        await promise;
    } catch (error) {
        const cause = error.original ?? error.driverError ?? error.nativeError ?? error.cause ?? error;
        return [cause.code, cause.constraint ?? cause.constraint_name];
    }
    return "not refused";
}

/** Calls every case; says how each ended. */
export async function run(cases, ...given) {
    for (const [name, function_] of Object.entries(cases)) {
        here = name;
        try {
            await function_(...given);
        } catch (error) {
            failed++;
            console.log(`FAILED ${here}: ${error.stack}`);
        }
    }
}

export function finish() {
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed || !passed ? 1 : 0;
}
