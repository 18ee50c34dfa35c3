#!/usr/bin/ruby
# ActiveRecord: a typed view and project_integrations as models, with prepared statements and partial updates.
# Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`.
require "active_record"

KEYS = { "bigint" => ->(n) { n }, "uuid" => ->(n) { format("00000000-0000-0000-0000-%012d", n) } }.freeze
CUSTOM = { "webhook" => "https://hooks.example/2", "channel" => "#custom" }.freeze
APP_SQL = File.read(File.join(__dir__, "../app.sql"))

ActiveRecord::Base.establish_connection(
  adapter: "postgresql", host: ENV.fetch("PGHOST"), username: ENV.fetch("PGUSER"), database: ENV.fetch("PGDATABASE"),
  schema_search_path: "app, public", min_messages: "warning"
)

# What a view can't tell is its key, and which columns follow from others.
class Settings < ActiveRecord::Base
  self.abstract_class = true
  attr_readonly :inherited, :source_level, :source_id, :locked
end

class Slack < Settings
  self.table_name = "slack_settings"
  self.primary_key = "id"
  belongs_to :project, foreign_key: "id", inverse_of: :slack
end

class Project < ActiveRecord::Base
  has_one :slack, foreign_key: "id", inverse_of: :project
  has_many :project_integrations
end

# By the app's key.
class ProjectIntegration < Settings
  self.primary_key = nil
  belongs_to :project
end

# Two columns are the key: read by where, saved by update_all.
class Integration < Settings
  self.table_name = "integration_defaults.project_integrations"
  self.primary_key = nil
end

$passed = $failed = 0

def equal(got, expected)
  return $passed += 1 if got == expected

  $failed += 1
  puts "FAILED #{$case}, line #{caller_locations(1, 1)[0].lineno}: got #{got.inspect}, expected #{expected.inspect}"
end

# The SQLSTATE and the constraint that a block is refused with; the transaction around it goes on.
def refusal
  ActiveRecord::Base.transaction(requires_new: true) { yield }
  "not refused"
rescue ActiveRecord::StatementInvalid => e
  [e.cause.result.error_field(PG::PG_DIAG_SQLSTATE), e.cause.result.error_field(PG::PG_DIAG_CONSTRAINT_NAME)]
end

def execute(sql, *binds)
  ActiveRecord::Base.connection.exec_query(sql, "SQL", binds.map { |v| ActiveRecord::Relation::QueryAttribute.new("", v, ActiveModel::Type::Value.new) },
                                           prepare: true).rows
end

# What a project has of its own, by plain SQL.
def own(id)
  execute("SELECT settings FROM integration_defaults.project_settings WHERE project_id = $1", id.to_s).dig(0, 0)
end

CASES = {
  reads_the_columns: lambda { |_key|
    types = Slack.columns_hash.transform_values(&:sql_type)
    equal Slack.columns_hash["locked"].array, true
    equal types.values_at("channel", "retries", "sample_rate", "push_events", "labels", "locked"), %w[text bigint numeric boolean jsonb text]
    equal ActiveRecord::Base.connection.primary_key("slack_settings"), nil
  },

  load_change_save_reload: lambda { |key|
    slack = Slack.find(key[2])
    equal [slack.channel, slack.inherited, slack.source_level, slack.locked, slack.retries, slack.sample_rate, slack.labels],
          ["#team", true, "group", ["push_events"], 3, BigDecimal("0.5"), ["all"]]
    slack.channel = "#mine"
    equal slack.save, true
    equal own(key[2]), '{"channel": "#mine"}'
    equal slack.reload.inherited, false
    slack.labels << "more" # changed in place
    slack.update!(retries: 0, sample_rate: 0.25)
    slack.reload
    equal [slack.channel, slack.labels, slack.retries, slack.sample_rate], ["#mine", %w[all more], 0, BigDecimal("0.25")]
    slack.update!(channel: nil, labels: nil, retries: nil, sample_rate: nil)
    slack.reload
    equal [slack.channel, slack.labels, slack.retries, slack.inherited], ["#team", ["all"], 3, true]
    equal own(key[2]), nil
  },

  association_and_filter: lambda { |key|
    project = Project.find(key[6])
    project.slack.update!(channel: "#filtered")
    equal Project.joins(:slack).where(slack_settings: { channel: "#filtered" }).pluck(:name), ["project 6"]
    equal Project.includes(:slack).where(group_id: key[1]).map { |p| p.slack.channel }.uniq, ["#general"]
    equal Slack.joins(:project).where(projects: { name: ["project 7", "project 8"] }).count, 2
    equal Slack.find(key[6]).project, project
    equal Slack.where(id: [key[9], key[10]]).update_all(channel: "#bulk"), 2
    equal Slack.find_by!(channel: "#bulk", id: key[9]).inherited, false
    equal Slack.in_batches(of: 50).map(&:count), [50, 50, 50, 50]
  },

  destroy_uses_the_default: lambda { |key|
    Slack.find(key[8]).update!(channel: "#mine")
    Slack.find(key[8]).destroy!
    equal Slack.find(key[8]).channel, "#team"
    equal Slack.find(key[8]).destroy!.destroyed?, true
    equal Slack.where(id: key[8]).delete_all, 1
  },

  create_sets_custom_settings: lambda { |key|
    slack = Slack.create!(id: key[12], webhook: CUSTOM["webhook"], retries: 1).reload
    equal [slack.inherited, slack.channel, slack.active], [false, nil, true]
    Project.transaction do
      project = Project.create!(id: key[1000], group_id: key[2], name: "new")
      equal [project.slack.channel, project.slack.inherited], ["#team", true]
      project.slack.update!(channel: "#new")
    end
    equal own(key[1000]), '{"channel": "#new"}'
    Project.find(key[1000]).destroy!
    equal own(key[1000]), nil
  },

  a_secret_is_masked_and_stays: lambda { |key|
    slack = Slack.find(key[40])
    mask = slack.token
    equal mask.start_with?("(secret "), true
    slack.update!(channel: "#kept")
    equal own(key[40]), '{"channel": "#kept"}'
    slack.update!(webhook: "https://hooks.example/3", token: "t-3")
    changed = slack.reload.token
    equal [changed.start_with?("(secret "), changed == mask], [true, false]
    slack.update!(channel: "#still")
    equal [slack.reload.channel, slack.token], ["#still", changed]
    equal own(key[40]).include?('"$secret": "t-3"'), true
  },

  # A row is always there, without a unique index: update it.
  upsert_is_refused: lambda { |key|
    begin
      equal Slack.upsert({ id: key[13], channel: "#upsert" }), "refused"
    rescue ArgumentError => e
      equal e.message, "No unique index found for id"
    end
    equal Slack.find_or_create_by!(id: key[13]).inherited, true
  },

  refusals_keep_the_transaction: lambda { |key|
    Slack.transaction do
      equal(refusal { Slack.find(key[14]).update!(push_events: false) }, %w[23514 setting_not_locked])
      equal(refusal { Slack.where(id: key[14]).update_all(source_level: "instance") }, ["22023", nil])
      Slack.find(key[14]).update!(channel: "#after")
    end
    equal own(key[14]), '{"channel": "#after"}'
  },

  savepoint_per_test: lambda { |key|
    Slack.transaction do
      Slack.transaction(requires_new: true) do
        Slack.find(key[16]).update!(channel: "#test")
        equal Slack.find(key[16]).inherited, false
        raise ActiveRecord::Rollback
      end
      equal Slack.find(key[16]).inherited, true
    end
    equal own(key[16]), nil
  },

  a_project_is_what_one_locks: lambda { |key|
    equal(refusal { Slack.find(key[18]).lock! }, ["0A000", nil])
    Project.find(key[18]).with_lock { equal Slack.find(key[18]).channel, "#team" }
  },

  general_view: lambda { |key|
    row = Integration.where(project_id: key[20].to_s, integration: "slack")
    equal row.update_all(settings: row.take.settings.merge("channel" => "#json")), 1
    equal [row.take.settings["channel"], row.take.inherited, own(key[20])], ["#json", false, '{"channel": "#json"}']
    equal Integration.where("settings @> ?", { channel: "#json" }.to_json).count, 1
  },

  general_view_by_the_apps_key: lambda { |key|
    projects = Project.where(id: [key[28], key[29]]).includes(:project_integrations).order(:id)
    equal(projects.map { |p| p.project_integrations.map { |i| i.settings["channel"] } }, [["#team"], ["#general"]])
    its = projects[0].project_integrations.where(integration: "slack")
    equal its.update_all(settings: its.take.settings.merge("channel" => "#many")), 1
    equal [its.take.settings["channel"], its.take.inherited, own(key[28])], ["#many", false, '{"channel": "#many"}']
    found = Project.joins(:project_integrations).where("project_integrations.settings ->> 'channel' = ?", "#many")
    equal found.pluck(:name), ["project 28"]
    equal ProjectIntegration.find_by!(project_id: key[28], integration: "slack").project, projects[0]
  },

  functions: lambda { |key|
    execute("SELECT 1 FROM integration_defaults.set_custom($1, $2, $3)", "slack", key[22], CUSTOM.to_json)
    2.times do
      equal execute("SELECT active, source_level, source_id FROM integration_defaults.resolve($1, $2)", "slack", key[22]),
            [[true, "project", key[22].to_s]]
    end
    equal execute("SELECT * FROM integration_defaults.resolve($1, $2)", "slack", nil), []
    equal execute("SELECT integration_defaults.use_default($1, project_id => $2)", "slack", key[22]), [[true]]
    equal Project.where("integration_defaults.active_settings('slack', id) ->> 'channel' = ?", "#general").count, 99
  },

  a_replaced_view: lambda { |key|
    8.times { Slack.find(key[2]) }
    Slack.connection_pool.with_connection do |connection|
      connection.execute(<<~SQL)
        SELECT integration_defaults.register_integration('slack', jsonb_set(schema, '{properties,icon}', '{"type": "string"}'))
        FROM integration_defaults.integrations WHERE name = 'slack'
      SQL
      connection.execute("SELECT integration_defaults.create_view('slack')")
    end
    equal Slack.find(key[2]).channel, "#team" # SELECT *, prepared: it is prepared again
    Slack.reset_column_information
    Slack.find(key[2]).update!(icon: ":tada:")
    equal Slack.find(key[2]).icon, ":tada:"
  }
}.freeze

KEYS.each do |type, key|
  puts type
  ActiveRecord::Base.connection.execute(APP_SQL.gsub("KEY_TYPE", type))
  ActiveRecord::Base.connection.clear_cache!
  ActiveRecord::Base.connection.schema_cache.clear!
  [Slack, Project, Integration, ProjectIntegration].each(&:reset_column_information)
  CASES.each do |name, body|
    $case = name
    body.call(key)
  rescue StandardError => e
    $failed += 1
    puts "FAILED #{name}: #{e.class}: #{e.message} (#{e.backtrace.find { |line| line.start_with?(__FILE__) }})"
  end
end
puts "#{$passed} passed, #{$failed} failed"
exit($failed.zero? && $passed.positive?)
