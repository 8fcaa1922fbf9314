#include "controlplane/config/config.h"

namespace picket::config {

const char* name_of(PortRss rss) noexcept {
    switch (rss) {
        case PortRss::symmetric:
            return "symmetric";
        case PortRss::software:
            return "software";
        case PortRss::automatic:
            break;
    }
    return "auto";
}

const char* name_of(Duplicates duplicates) noexcept {
    switch (duplicates) {
        case Duplicates::drop:
            return "drop";
        case Duplicates::ignore:
            return "ignore";
        case Duplicates::count:
            break;
    }
    return "count";
}

const char* name_of(Dialect dialect) noexcept {
    switch (dialect) {
        case Dialect::snort3:
            return "snort3";
        case Dialect::snort2:
            return "snort2";
        case Dialect::suricata:
            break;
    }
    return "suricata";
}

}  // namespace picket::config
