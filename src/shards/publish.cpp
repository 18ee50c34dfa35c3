// publish_defaults(): what shards subscribe to.
#include "hierarchy/arguments.hpp"
#include "postgres/query.hpp"
#include "store/access.hpp"

namespace intd {

/// publish_defaults(publication). With the caller's rights: the server asks who may publish.
INTD_FUNCTION(publish_defaults) {
    require_argument(fcinfo, 0, "publication");
    require_access(Access::admin);
    guard([&] {
        run_command(psprintf("CREATE PUBLICATION %s FOR TABLE integration_defaults.integrations, "
                             "integration_defaults.groups, integration_defaults.instance_settings, "
                             "integration_defaults.group_settings",
                             quote_identifier(NameStr(*PG_GETARG_NAME(0)))));
    });
    PG_RETURN_VOID();
}

} // namespace intd
