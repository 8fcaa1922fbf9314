// The engine that questions are read with: a few at once, each with a connection of its own.
//
// Thread-safe. What does not fit into its memory spills into a directory of the system's, if need be.
#pragma once

#include <semaphore>
#include <utility>

#include "controlplane/archive/database.h"

namespace picket::archive {

class ReadPool {
  public:
    ReadPool() : database_({threads, memory_bytes, ""}) {}

    // read(connection); waits for a place.
    template <typename Read>
    auto run(Read&& read) {
        const Place place(places_);
        Connection connection(database_);
        // PERF: rows that wait to be taken; with the engine's own 1 MB its threads wait for each other, and a
        // question for 43,504 flows takes a fifth longer. Refused: it only takes longer.
        static_cast<void>(connection.run("SET streaming_buffer_size = '32MB'"));
        return std::forward<Read>(read)(connection);
    }

  private:
    static constexpr int at_once = 2;
    static constexpr unsigned threads = 2;
    static constexpr std::uint64_t memory_bytes = std::uint64_t{1} << 30;

    class Place {
      public:
        explicit Place(std::counting_semaphore<at_once>& places) : places_(places) { places_.acquire(); }
        ~Place() { places_.release(); }
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

      private:
        std::counting_semaphore<at_once>& places_;
    };

    Database database_;
    std::counting_semaphore<at_once> places_{at_once};
};

}  // namespace picket::archive
