#!/usr/bin/ruby
# Sequel: a typed view and project_integrations as models. Values are literals in the statements, unless they are bound.
# Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`.
require "sequel"

KEYS = { "bigint" => ->(n) { n }, "uuid" => ->(n) { format("00000000-0000-0000-0000-%012d", n) } }.freeze
APP_SQL = File.read(File.join(__dir__, "../app.sql"))
DB = Sequel.connect(adapter: "postgres", host: ENV.fetch("PGHOST"), user: ENV.fetch("PGUSER"), database: ENV.fetch("PGDATABASE"),
                    search_path: %w[app public], max_connections: 1)
DB.extension :pg_array, :pg_json
Sequel.extension :pg_json

$passed = $failed = 0

def equal(got, expected)
  return $passed += 1 if got == expected

  $failed += 1
  puts "FAILED #{$case}, line #{caller_locations(1, 1)[0].lineno}: got #{got.inspect}, expected #{expected.inspect}"
end

# The SQLSTATE and the constraint that a block is refused with; the transaction around it goes on.
def refusal
  DB.transaction(savepoint: true) { yield }
  "not refused"
rescue Sequel::DatabaseError => e
  result = e.wrapped_exception.result
  [result.error_field(PG::PG_DIAG_SQLSTATE), result.error_field(PG::PG_DIAG_CONSTRAINT_NAME)]
end

# What a project has of its own, by plain SQL.
def own(id)
  DB[Sequel[:integration_defaults][:project_settings]].where(project_id: id.to_s).get(:settings)&.to_h
end

# Models of the tables as they are now. A view tells no key.
def models
  project = Class.new(Sequel::Model(DB[:projects]))
  slack = Class.new(Sequel::Model(DB[:slack_settings]))
  slack.set_primary_key :id
  slack.plugin :dirty # save_changes writes what was assigned only
  integration = Class.new(Sequel::Model(DB[Sequel[:integration_defaults][:project_integrations]]))
  integration.set_primary_key %i[project_id integration]
  [project, slack, integration].each(&:unrestrict_primary_key)
  [project, slack, integration]
end

CASES = {
  load_change_save_reload: lambda { |key, _type, (project, slack, _)|
    its = slack[key[2]]
    equal [its.channel, its.inherited, its.source_level, its.locked.to_a, its.retries, its.sample_rate, its.labels.to_a],
          ["#team", true, "group", ["push_events"], 3, BigDecimal("0.5"), ["all"]]
    its.update(channel: "#mine", labels: Sequel.pg_jsonb(["a"]))
    equal own(key[2]), { "channel" => "#mine", "labels" => ["a"] }
    equal [its.refresh.channel, its.inherited], ["#mine", false]
    equal project.where(id: slack.where(channel: "#mine").select(:id)).map(:name), ["project 2"]
    returned = slack.dataset.where(id: key[2]).returning(:channel, :inherited).update(channel: nil, labels: nil)
    equal returned, [{ channel: "#team", inherited: true }]
    its.refresh.update(channel: "#mine")
    its.delete
    equal [slack[key[2]].channel, own(key[2])], ["#team", nil]
  },

  refusals_and_rollback: lambda { |key, _type, (_, slack, _)|
    equal refusal { slack[key[4]].update(push_events: false) }, %w[23514 setting_not_locked]
    DB.transaction do
      slack[key[4]].update(channel: "#gone")
      equal slack[key[4]].channel, "#gone"
      raise Sequel::Rollback
    end
    equal [slack[key[4]].channel, own(key[4])], ["#team", nil]
  },

  secrets_are_masked_and_stay: lambda { |key, _type, (_, slack, _)|
    its = slack[key[8]]
    equal its.token.start_with?("(secret "), true
    its.update(channel: "#kept")
    slack.where(id: key[8]).update(token: its.token)
    equal own(key[8]), { "channel" => "#kept" }
  },

  general_view: lambda { |key, type, (_, _, integration)|
    its = integration[key[10].to_s, "slack"]
    its.update(settings: Sequel.pg_jsonb(its.settings.to_h.merge("channel" => "#json")))
    equal [its.refresh.settings["channel"], its.inherited, own(key[10])], ["#json", false, { "channel" => "#json" }]
    # An id is text there: an Integer is a literal that does not compare with it, but with the app's key.
    equal refusal { integration[key[10], "slack"] }, ["42883", nil] if type == "bigint"
    by_key = Class.new(Sequel::Model(DB[:project_integrations]))
    by_key.set_primary_key %i[project_id integration]
    equal [by_key[key[10], "slack"].settings["channel"], by_key.where(project_id: [key[10], key[11]]).count], ["#json", 2]
    by_key[key[10], "slack"].update(settings: Sequel.pg_jsonb(by_key[key[10], "slack"].settings.to_h.merge("channel" => "#key")))
    equal own(key[10]), { "channel" => "#key" }
  },

  functions: lambda { |key, _type, _models|
    DB.get(Sequel.function(Sequel.lit("integration_defaults.set_custom"), "slack", key[3].to_s,
                           Sequel.pg_jsonb("webhook" => "https://hooks.example/2", "channel" => "#custom")))
    resolve = DB["SELECT source_level, settings FROM integration_defaults.resolve('slack', ?)", key[3].to_s].first
    equal [resolve[:source_level], resolve[:settings]["channel"]], ["project", "#custom"]
  },

  upper_case: lambda { |key, type, (project, slack, _)|
    next unless type == "uuid"

    id = "ABCDEF00-0000-0000-0000-000000000001"
    project.create(id: id, group_id: key[2], name: "letters")
    slack[id].update(channel: "#upper")
    equal [slack[id].channel, own(id.downcase)], ["#upper", { "channel" => "#upper" }]
  }
}.freeze

KEYS.each do |type, key|
  puts type
  DB.run("SET client_min_messages = warning; #{APP_SQL.gsub('KEY_TYPE', type)}")
  made = models
  CASES.each do |name, body|
    $case = name
    body.call(key, type, made)
  rescue StandardError => e
    $failed += 1
    puts "FAILED #{name}: #{e.class}: #{e.message} (#{e.backtrace.find { |line| line.start_with?(__FILE__) }})"
  end
end
puts "#{$passed} passed, #{$failed} failed"
exit($failed.zero? && $passed.positive?)
