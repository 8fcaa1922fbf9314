#include "dataplane/duplicate/duplicate_window.h"

namespace picket::duplicate {

DuplicateWindow::DuplicateWindow() : memory_((std::size_t{1} << line_bits) * sizeof(Line)) {}

bool DuplicateWindow::is_copy(Line& line, unsigned way, Moment now) noexcept {
    const bool identified = (line.fingerprints[way] & has_identification) != 0;
    Moment& then = line.moments[way];
    if (distance(now, then) > window_of(line.fingerprints[way])) {
        then = now;
        return false;
    }
    if ((then & told_mask) < (identified ? identified_copies_max : 1)) {
        ++then;
        return true;
    }
    then = now | (then & told_mask);
    return false;
}

}  // namespace picket::duplicate
