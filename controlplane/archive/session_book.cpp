#include "controlplane/archive/session_book.h"

#include <algorithm>

namespace picket::archive {

void SessionBook::begin(std::uint64_t run, std::uint64_t begin_ns) {
    own_.push_back({begin_ns, begin_ns, run, false});
}

void SessionBook::end(std::uint64_t end_ns) {
    if (own_.empty() || own_.back().closed) return;
    own_.back().end_ns = end_ns;
    own_.back().closed = true;
}

void SessionBook::join(const std::vector<Session>& found) {
    earlier_ = found;
    const auto is_own = [&](const Session& session) {
        return std::any_of(own_.begin(), own_.end(), [&](const Session& own) {
            return own.run == session.run && own.begin_ns == session.begin_ns;
        });
    };
    const bool same = committed_ && !found.empty() && found.back().run == committed_->run &&
                      found.back().begin_ns == committed_->begin_ns &&
                      found.back().end_ns == committed_->end_ns;
    if (same) {
        // Maybe one that goes on from an earlier picketd's.
        own_.back().begin_ns = std::min(own_.back().begin_ns, committed_->begin_ns);
        earlier_.pop_back();
    }
    if (same || !committed_) {
        std::erase_if(earlier_, is_own);
        return;
    }
    Session own = own_.back();
    own.begin_ns = std::max(own.begin_ns, committed_->end_ns);
    own.end_ns = std::max(own.end_ns, own.begin_ns);
    own_.assign(1, own);
    entered_ = 0;
}

std::vector<Session> SessionBook::all(std::uint64_t end_ns, bool closing) const {
    std::vector<Session> all = earlier_;
    for (const auto& session : own_) {
        // A data plane that counted on while its picketd was away, in good order, kept what came in its
        // rings.
        const bool goes_on = !all.empty() && all.back().run == session.run && all.back().closed;
        if (goes_on) {
            all.back().closed = session.closed;
            all.back().end_ns = std::max(all.back().end_ns, session.end_ns);
        } else {
            all.push_back(session);
        }
    }
    if (own_.empty() || all.back().closed) return all;
    all.back().end_ns = std::max(all.back().end_ns, end_ns);
    all.back().closed = closing;
    return all;
}

void SessionBook::note_entered(const std::vector<Session>& sessions, std::size_t begun) {
    entered_ = begun;
    if (begun > 0) committed_ = sessions.back();
}

}  // namespace picket::archive
