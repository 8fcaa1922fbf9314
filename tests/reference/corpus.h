// Rule files and requests that the engine is held against the reference with.
#pragma once

#include <string>
#include <vector>

#include "dataplane/api/rule_blob.h"
#include "tests/reference/message_maker.h"

namespace picket::reference {

// The folder of PICKET_CAPTURES; empty if there is none.
std::string corpus_folder();

// Every *.rules below the folder in a fixed order; the shipped ones if it is empty.
std::vector<std::string> rule_paths(const std::string& folder);

// The access logs' requests with whole heads and bare, and the lists' URIs bare, each text once; every
// step-th of them. Without a corpus, invented ones.
std::vector<RawMessage> corpus_requests(const std::string& folder, std::size_t step);

}  // namespace picket::reference
