// Typed views: the settings of one integration for every tracked project, a column each, keyed by the app's own key.
//
// A typed view's columns are: the key, active, inherited, source_level, source_id, locked, then the fields. Its
// trigger's arguments are the integration and the names of the fields in the order of the columns, so that renaming
// a column does no harm.
#pragma once

#include "postgres/jsonb.hpp"

namespace intd {

/// Columns of a typed view, counted from 1.
namespace typed_column {
enum { key = 1, active, inherited, source_level, source_id, locked, first_field };
}

/// The SQL type of a property's column: text, bigint, numeric, boolean, or jsonb for all else.
Oid column_type(const JsonbValue *property);

bool is_column_type(Oid type);

/// A column's value from a field's, none if it is null, not there, or does not fit; and the other way round.
std::optional<Datum> column_from_json(Oid type, const JsonbValue *value);
JsonbValue json_from_column(Oid type, Datum value);

} // namespace intd
