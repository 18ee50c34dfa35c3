// pgx: statements are prepared, and parameters have the types that the server tells; an id in a call needs a cast.
// Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
)

var (
	ctx            = context.Background()
	passed, failed int
)

func equal(got, expected interface{}) {
	if reflect.DeepEqual(got, expected) {
		passed++
		return
	}
	failed++
	_, _, line, _ := runtime.Caller(1)
	fmt.Printf("FAILED line %d: got %v, expected %v\n", line, got, expected)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// The SQLSTATE and the constraint that something is refused with.
func refusal(err error) [2]string {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return [2]string{fmt.Sprint(err), ""}
	}
	return [2]string{refused.Code, refused.ConstraintName}
}

type slack struct {
	channel            *string
	retries            *int64
	rate               *float64
	push               *bool
	labels             []string
	locked             []string
	inherited          bool
	token, sourceLevel *string
}

// A project's row of the typed view; the parameter is of the key's type there.
func read(db *pgx.Conn, id interface{}) (s slack) {
	must(db.QueryRow(ctx, `SELECT channel, retries, sample_rate::float8, push_events, labels, locked, inherited, token, source_level
		FROM slack_settings WHERE id = $1`, id).Scan(&s.channel, &s.retries, &s.rate, &s.push, &s.labels, &s.locked, &s.inherited, &s.token, &s.sourceLevel))
	return
}

func own(db *pgx.Conn, id interface{}) map[string]interface{} {
	var settings map[string]interface{}
	err := db.QueryRow(ctx, "SELECT settings FROM integration_defaults.project_settings WHERE project_id = $1", fmt.Sprint(id)).Scan(&settings)
	if err != pgx.ErrNoRows {
		must(err)
	}
	return settings
}

func run(db *pgx.Conn, keyType string, key func(int) interface{}) {
	defer func() {
		if what := recover(); what != nil {
			failed++
			fmt.Println("FAILED:", what)
		}
	}()
	// A typed view.
	before := read(db, key(2))
	equal([]interface{}{*before.channel, *before.retries, *before.rate, *before.push, before.labels, before.locked, before.inherited},
		[]interface{}{"#team", int64(3), 0.5, true, []string{"all"}, []string{"push_events"}, true})
	var channel string
	var inherited bool
	update := "UPDATE slack_settings SET channel = $2, retries = $3, labels = $4 WHERE id = $1 RETURNING channel, inherited"
	labels, _ := json.Marshal([]string{"a"})
	must(db.QueryRow(ctx, update, key(2), "#mine", 0, labels).Scan(&channel, &inherited))
	equal([]interface{}{channel, inherited}, []interface{}{"#mine", false})
	equal(own(db, key(2)), map[string]interface{}{"channel": "#mine", "retries": 0.0, "labels": []interface{}{"a"}})
	must(db.QueryRow(ctx, update, key(2), nil, nil, nil).Scan(&channel, &inherited))
	equal([]interface{}{channel, inherited, own(db, key(2)) == nil}, []interface{}{"#team", true, true})
	_, err := db.Exec(ctx, "UPDATE slack_settings SET push_events = $2 WHERE id = $1", key(4), false)
	equal(refusal(err), [2]string{"23514", "setting_not_locked"})

	// A transaction that is rolled back, and a mask that is written back.
	tx, err := db.Begin(ctx)
	must(err)
	_, err = tx.Exec(ctx, "UPDATE slack_settings SET channel = $2 WHERE id = $1", key(6), "#gone")
	must(err)
	must(tx.Rollback(ctx))
	equal(*read(db, key(6)).channel, "#team")
	token := *read(db, key(8)).token
	equal(strings.HasPrefix(token, "(secret "), true)
	_, err = db.Exec(ctx, "UPDATE slack_settings SET channel = $2, token = $3 WHERE id = $1", key(8), "#kept", token)
	must(err)
	equal(own(db, key(8)), map[string]interface{}{"channel": "#kept"})

	// The general view by the app's key.
	rows, err := db.Query(ctx, `SELECT p.name, v.settings ->> 'channel' FROM project_integrations v JOIN projects p ON p.id = v.project_id
		WHERE v.project_id IN ($1, $2) ORDER BY v.project_id`, key(9), key(20))
	must(err)
	var found []string
	for rows.Next() {
		var name string
		must(rows.Scan(&name, &channel))
		found = append(found, name, channel)
	}
	must(rows.Err())
	equal(found, []string{"project 9", "#general", "project 20", "#team"})
	tag, err := db.Exec(ctx, "UPDATE project_integrations SET settings = settings || $2 WHERE project_id = $1 AND integration = 'slack'",
		key(10), map[string]string{"channel": "#json"})
	must(err)
	equal(tag.RowsAffected(), int64(1))
	equal(own(db, key(10)), map[string]interface{}{"channel": "#json"})

	// The other general view holds ids as text.
	var settings map[string]interface{}
	must(db.QueryRow(ctx, "SELECT settings FROM integration_defaults.project_integrations WHERE project_id = $1", fmt.Sprint(key(20))).Scan(&settings))
	equal(settings["channel"], "#team")

	// Functions: the id is cast, else it has the type external_id, of which pgx knows nothing.
	_, err = db.Exec(ctx, "SELECT integration_defaults.set_custom('slack', $1::"+keyType+", $2)", key(3), map[string]string{"webhook": "https://hooks.example/2"})
	must(err)
	var level, id string
	must(db.QueryRow(ctx, "SELECT source_level, source_id FROM integration_defaults.resolve($1, $2::"+keyType+")", "slack", key(3)).Scan(&level, &id))
	equal([]string{level, id}, []string{"project", fmt.Sprint(key(3))})
	// Text it has a way to send for any type.
	must(db.QueryRow(ctx, "SELECT source_level FROM integration_defaults.resolve($1, $2)", "slack", fmt.Sprint(key(3))).Scan(&level))
	equal(level, "project")
	_, err = db.Exec(ctx, "SELECT integration_defaults.lock_fields('slack', $1, $2::"+keyType+")", []string{"retries"}, key(1))
	must(err)
	_, err = db.Exec(ctx, "SELECT integration_defaults.set_custom('slack', $1::"+keyType+", '{}')", key(999))
	equal(refusal(err), [2]string{"42704", ""})
	if keyType == "uuid" {
		upper := "ABCDEF00-0000-0000-0000-000000000001"
		_, err = db.Exec(ctx, "INSERT INTO projects VALUES ($1, $2, 'letters')", upper, key(2))
		must(err)
		_, err = db.Exec(ctx, "UPDATE slack_settings SET channel = '#upper' WHERE id = $1", upper)
		must(err)
		equal(own(db, strings.ToLower(upper)), map[string]interface{}{"channel": "#upper"})
	}
}

func main() {
	app, err := os.ReadFile("../../clients/app.sql")
	must(err)
	keys := map[string]func(int) interface{}{
		"bigint": func(n int) interface{} { return int64(n) },
		"uuid":   func(n int) interface{} { return fmt.Sprintf("00000000-0000-0000-0000-%012d", n) },
	}
	for _, keyType := range []string{"bigint", "uuid"} {
		fmt.Println(keyType)
		db, err := pgx.Connect(ctx, "")
		must(err)
		_, err = db.Exec(ctx, "SET client_min_messages = warning; "+strings.ReplaceAll(string(app), "KEY_TYPE", keyType))
		must(err)
		run(db, keyType, keys[keyType])
		must(db.Close(ctx))
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
}
