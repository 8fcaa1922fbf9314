// Why a request could not be answered, in the four parts that every error of Picket has.
#pragma once

#include <string>

namespace picket::store {

struct Problem {
    std::string what;
    std::string where;
    std::string why;
    std::string remedy;
    int http_status = 400;
    int exit_status = 2;
};

}  // namespace picket::store
