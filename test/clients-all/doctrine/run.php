<?php
// Doctrine: a typed view and the general view by the app's key as entities, and what its schema:update would drop.
// Connects by PG* variables to a database where the extension is installed; the last line is `N passed, N failed`.

use Doctrine\Common\Collections\Collection;
use Doctrine\DBAL\DriverManager;
use Doctrine\DBAL\Exception\DriverException;
use Doctrine\DBAL\Types\Type;
use Doctrine\ORM\Configuration;
use Doctrine\ORM\EntityManager;
use Doctrine\ORM\Mapping\Driver\AttributeDriver;
use Doctrine\ORM\Mapping as ORM;
use Doctrine\ORM\Tools\Event\GenerateSchemaEventArgs;
use Doctrine\ORM\Tools\SchemaTool;

require '/usr/share/php/Doctrine/ORM/autoload.php';

// jsonb; the columns that a project is keyed by have a type of the app's, as it is bigint or uuid here.
class Id extends Type
{
    public static string $type;
    public function getSQLDeclaration(array $column, $platform): string { return self::$type; }
    public function getName(): string { return 'id'; }
}
Type::addType('id', Id::class);

#[ORM\Entity, ORM\Table(name: 'projects')]
class Project
{
    #[ORM\Id, ORM\Column(type: 'id')]
    public $id;
    #[ORM\Column(type: 'id', nullable: true)]
    public $group_id;
    #[ORM\Column(type: 'text')]
    public string $name;
    #[ORM\OneToMany(targetEntity: ProjectIntegration::class, mappedBy: 'project')]
    public Collection $integrations;
}

#[ORM\Entity, ORM\Table(name: 'slack_settings')]
class Slack
{
    #[ORM\Id, ORM\OneToOne(targetEntity: Project::class), ORM\JoinColumn(name: 'id')]
    public Project $project;
    #[ORM\Column(insertable: false, updatable: false)]
    public ?bool $inherited;
    #[ORM\Column(type: 'text', nullable: true)]
    public ?string $channel;
    #[ORM\Column(type: 'bigint', nullable: true)]
    public ?string $retries;
    #[ORM\Column(type: 'decimal', nullable: true)]
    public ?string $sample_rate;
    #[ORM\Column(nullable: true)]
    public ?bool $push_events;
    #[ORM\Column(type: 'json', nullable: true, options: ['jsonb' => true])]
    public ?array $labels;
    #[ORM\Column(type: 'text', nullable: true)]
    public ?string $token;
}

#[ORM\Entity, ORM\Table(name: 'project_integrations')]
class ProjectIntegration
{
    #[ORM\Id, ORM\ManyToOne(targetEntity: Project::class, inversedBy: 'integrations')]
    public Project $project;
    #[ORM\Id, ORM\Column(type: 'text')]
    public string $integration;
    #[ORM\Column(type: 'json', options: ['jsonb' => true])]
    public array $settings;
    #[ORM\Column(insertable: false, updatable: false)]
    public ?bool $inherited;
}

$passed = $failed = 0;

function equal($got, $expected): void
{
    global $passed, $failed;
    if ($got === $expected) {
        $passed++;
        return;
    }
    $failed++;
    printf("FAILED line %d: got %s, expected %s\n", debug_backtrace()[0]['line'], json_encode($got), json_encode($expected));
}

/** The SQLSTATE and the name of the constraint that something is refused with. PDO tells that name in the message only. */
function refusal(callable $do): array
{
    try {
        $do();
    } catch (DriverException $error) {
        return [$error->getSQLState(), $error->getMessage()];
    }
    return ['not refused', ''];
}

function connection()
{
    $db = DriverManager::getConnection(['driver' => 'pdo_pgsql', 'host' => getenv('PGHOST'), 'user' => getenv('PGUSER'), 'dbname' => getenv('PGDATABASE')]);
    $db->executeStatement('SET search_path = app, public');
    return $db;
}

function manager(): EntityManager
{
    $configuration = new Configuration();
    $configuration->setMetadataDriverImpl(new AttributeDriver([]));
    $configuration->setProxyDir(sys_get_temp_dir());
    $configuration->setProxyNamespace('Proxies');
    $configuration->setAutoGenerateProxyClasses(true);
    return new EntityManager(connection(), $configuration);
}

function own($db, $id): ?array
{
    $settings = $db->fetchOne('SELECT settings FROM integration_defaults.project_settings WHERE project_id = ?', [(string) $id]);
    return $settings === false ? null : json_decode($settings, true);
}

function run(callable $key): void
{
    $manager = manager();
    $db = $manager->getConnection();

    // A typed view: Doctrine writes what has changed, and reads no more than it wrote.
    $slack = $manager->find(Slack::class, $key(2));
    equal([$slack->channel, $slack->retries, $slack->sample_rate, $slack->push_events, $slack->labels, $slack->inherited],
        ['#team', '3', '0.5', true, ['all'], true]);
    $slack->channel = '#mine';
    $slack->labels = ['a'];
    $manager->flush();
    $manager->refresh($slack);
    equal([$slack->channel, $slack->inherited, own($db, $key(2))], ['#mine', false, ['labels' => ['a'], 'channel' => '#mine']]);
    $slack->channel = $slack->labels = null;
    $manager->flush();
    $manager->refresh($slack);
    equal([$slack->channel, $slack->labels, $slack->inherited, own($db, $key(2))], ['#team', ['all'], true, null]);
    $slack->channel = '#mine';
    $manager->flush();
    $found = $manager->createQuery('SELECT p.name FROM Slack s JOIN s.project p WHERE s.channel = ?1')->setParameter(1, '#mine');
    equal($found->getSingleColumnResult(), ['project 2']);
    $manager->remove($slack);
    $manager->flush();
    equal(own($db, $key(2)), null);

    // A mask stays as it is.
    $slack = $manager->find(Slack::class, $key(8));
    equal(str_starts_with($slack->token, '(secret '), true);
    $slack->channel = '#kept';
    $manager->flush();
    equal(own($db, $key(8)), ['channel' => '#kept']);

    // The general view by the app's key, as the many side.
    $project = $manager->find(Project::class, $key(10));
    $its = $project->integrations[0];
    equal([$its->integration, $its->settings['channel']], ['slack', '#team']);
    $its->settings = ['channel' => '#json'] + $its->settings;
    $manager->flush();
    $manager->refresh($its);
    equal([$its->inherited, own($db, $key(10))], [false, ['channel' => '#json']]);
    $found = $manager->createQuery('SELECT i, p FROM ProjectIntegration i JOIN i.project p WHERE i.project IN (?1) ORDER BY p.id')
        ->setParameter(1, [$key(9), $key(20)]);
    equal(array_map(fn ($i) => [$i->project->name, $i->settings['channel']], $found->getResult()), [['project 9', '#general'], ['project 20', '#team']]);

    // Functions, by DBAL.
    $db->executeStatement("SELECT integration_defaults.set_custom('slack', ?, ?)", [$key(3), '{"webhook": "https://hooks.example/2"}']);
    equal($db->fetchNumeric("SELECT source_level, source_id FROM integration_defaults.resolve('slack', ?)", [$key(3)]), ['project', (string) $key(3)]);
    [$state, $message] = refusal(fn () => $db->executeStatement("SELECT integration_defaults.set_custom('slack', ?, '{}')", [$key(999)]));
    equal($state, '42704');

    // A refusal ends the manager, as any does.
    $slack = $manager->find(Slack::class, $key(4));
    $slack->push_events = false;
    [$state, $message] = refusal(fn () => $manager->flush());
    equal([$state, str_contains($message, 'locked above project')], ['23514', true]);
    equal([$manager->isOpen(), own($db, $key(4))], [false, null]);
}

class LeaveViews
{
    public function postGenerateSchema(GenerateSchemaEventArgs $event): void
    {
        foreach (['slack_settings', 'project_integrations'] as $view) {
            $event->getSchema()->dropTable($view);
        }
    }
}

/**
 * schema:update knows an extension's tables and leaves them alone, but not its sequences, nor the table that materialize()
 * makes; and it takes every entity for a table. A filter is about what is in the database only.
 */
function schemaTool(): void
{
    $manager = manager();
    $update = function (?callable $filter) use ($manager) {
        $manager->getConnection()->getConfiguration()->setSchemaAssetsFilter($filter);
        $entities = array_map([$manager, 'getClassMetadata'], [Project::class, Slack::class, ProjectIntegration::class]);
        $sql = (new SchemaTool($manager))->getUpdateSchemaSql($entities);
        return [array_values(preg_grep('/integration_defaults/', $sql)), preg_grep('/^CREATE TABLE (slack_settings|project_integrations)/', $sql) !== []];
    };
    $manager->getConnection()->executeStatement("SELECT integration_defaults.materialize('slack')");
    $filter = fn ($asset) => !str_starts_with(is_string($asset) ? $asset : $asset->getName(), 'integration_defaults.');
    $drop = 'DROP SEQUENCE integration_defaults.history_change_seq CASCADE';
    equal($update(null), [[$drop, 'DROP TABLE integration_defaults.effective_settings'], true]);
    equal(refusal(fn () => $manager->getConnection()->executeStatement($drop))[0], '2BP01');
    equal($update($filter), [[], true]);
    $manager->getEventManager()->addEventListener('postGenerateSchema', new LeaveViews());
    equal($update($filter), [[], false]);
}

$keys = ['bigint' => fn (int $n) => $n, 'uuid' => fn (int $n) => sprintf('00000000-0000-0000-0000-%012d', $n)];
foreach ($keys as $type => $key) {
    print "$type\n";
    Id::$type = $type;
    $db = connection();
    $db->executeStatement('SET client_min_messages = warning');
    $db->getNativeConnection()->exec(str_replace('KEY_TYPE', $type, file_get_contents('../../clients/app.sql')));
    foreach ([fn () => run($key), 'schemaTool'] as $case) {
        try {
            $case();
        } catch (Throwable $error) {
            $failed++;
            print "FAILED: $error\n";
        }
    }
}
print "$passed passed, $failed failed\n";
exit($failed || !$passed ? 1 : 0);
