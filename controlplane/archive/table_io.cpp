#include "controlplane/archive/table_io.h"

#include "controlplane/archive/manifest.h"

namespace picket::archive {

Failure write_parquet(Connection& connection, const std::string& query, const std::string& path,
                      const ParquetSettings& settings) {
    return connection.run("COPY (" + query + ") TO " + quoted(path) +
                          " (FORMAT parquet, USE_TMP_FILE false, PARQUET_VERSION v2, COMPRESSION " +
                          settings.compression + ", ROW_GROUP_SIZE " +
                          std::to_string(settings.row_group_rows) + ", KV_METADATA {picket_schema: '" +
                          std::to_string(schema_version) + "'})");
}

}  // namespace picket::archive
