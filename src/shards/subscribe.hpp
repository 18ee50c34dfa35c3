// A subscription to what another database publishes.
#pragma once

#include "postgres/boundary.hpp"

namespace intd {

/// Throws 25001 unless a procedure is CALLed where it may commit.
void require_procedure(FunctionCallInfo fcinfo, const char *name);
/// Server code.
void commit_now();

/// Of a node of Citus': types and what is set on the instance and on groups come from the coordinator from now on;
/// waits until what is there has come. False, and nothing is done, if the database has subscribed already. Commits.
/// Throws as subscribe_defaults().
bool subscribe_node(const char *connection, const char *publication);

} // namespace intd
