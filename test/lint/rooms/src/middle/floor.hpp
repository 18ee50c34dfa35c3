#include "low/ground.hpp"
#include "high/roof.hpp" // finds: includes high/roof.hpp
struct Base final : Other { // finds: Base is a type of low/ground.hpp too
};
using Ahead = int;
using Text = std::string; // finds: Text is a type of low/ground.hpp too
