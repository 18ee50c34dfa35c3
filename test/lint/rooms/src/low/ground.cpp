#include "low/ground.hpp"
namespace intd {
void (*hook)(int x);
Text kept[] = {"a", "b"};
void defined_here(int x, Text (*y)(int)) {
    defined_elsewhere(x); // is only called here
}
const char *pointer(int x) {
    if (x) {
        throw Refusal(cat("see integration_defaults.of_high()")).hint("of_high");
    }
    return "SELECT a FROM integration_defaults.of_low WHERE integration_defaults.low_function(a)";
}
Statement upwards[] = {
    {"SELECT a FROM integration_defaults.of_low"},
    {"SELECT a FROM integration_defaults.of_high"}, // finds: uses of_high, of high/roof.sql
    {"DELETE FROM integration_defaults." MACRO " WHERE integration_defaults.low_function(a)"},
    {MACRO("of_high")},    // finds: uses of_high, of high/roof.sql
    {MACRO("made_later")}, // finds: uses made_later, of high/roof.cpp
    {MACRO("of_high_and_more")},
};
INTD_FUNCTION(low_function) {
}
INTD_STRICT_FUNCTION(high_function) { // finds: high_function() is declared in high/roof.sql
}
INTD_FUNCTION(released_function) {
}
INTD_FUNCTION(unknown_function) { // finds: unknown_function() is declared in no .sql
}
} // namespace intd
