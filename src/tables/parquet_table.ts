// Reads columns of numbers and text from a parquet file.
import { basename } from "node:path";
import { SourceError } from "../data/index.ts";
import { ParquetReader } from "../images/parquet_reader.ts";
import { type Cell, cellOf, type Table } from "./table.ts";

/** Read all columns of a parquet file that hold numbers or text. Errors: SourceError naming the file. */
export async function readParquetTable(path: string): Promise<Table> {
  const reader = new ParquetReader();
  try {
    const { columns: all, groups } = await reader.open(path);
    const columns = all.filter(({ children }) => children.length === 0).map(({ name }) => name);
    if (columns.length === 0) throw new SourceError("parquet", path, "expected columns of numbers or text, got none");
    const values: Cell[][] = [];
    for (const column of columns) {
      const cells: Cell[] = [];
      let begin = 0;
      for (const [group, { rows }] of groups.entries()) {
        const end = begin + rows;
        for (const value of await reader.labels({ path, column, group, begin, end }))
          cells.push(typeof value === "string" ? cellOf(value) : Number.isNaN(value) ? null : value);
        begin = end;
      }
      values.push(cells);
    }
    const length = values[0]!.length;
    if (length === 0) throw new SourceError("parquet", path, "expected rows, got none");
    return {
      file: basename(path),
      columns,
      length,
      cell: (row, column) => values[column]![row]!,
      rowNumber: (row) => row + 1,
    };
  } finally {
    await reader.close();
  }
}
