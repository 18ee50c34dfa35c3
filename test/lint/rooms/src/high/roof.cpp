#include "high/roof.hpp"
#include "low/ground.hpp"
#include "middle/floor.hpp"
const char *makes = "CREATE TABLE integration_defaults.made_later (a text)";
struct Own {};
Statement downwards = {"SELECT a FROM integration_defaults.of_low, integration_defaults.of_high", "low_function"};
