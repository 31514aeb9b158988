// Save the data of a figure for Excel. The workbook is made from the CSV link when it is asked for, so that the page
// need not hold the data twice. Numbers are numbers, and a label is text whatever it begins with.
(() => {
  const TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
  const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
  const RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
  const PACKAGE = "http://schemas.openxmlformats.org/package/2006/";
  const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
  const FONT = '<sz val="10"/><name val="Arial"/>';
  const STYLES = `<styleSheet xmlns="${MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="0.0000"/></numFmts>
<fonts count="2"><font>${FONT}</font><font><b/>${FONT}</font></fonts>
<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>
<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>
<cellXfs count="4">${[[0, 0], [0, 1], [164, 0], [3, 0]].map(([format, font]) =>
    `<xf numFmtId="${format}" fontId="${font}" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>`
  ).join("")}</cellXfs>
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`;

  const CHECKS = Array.from({ length: 256 }, (_, n) => {
    for (let bit = 0; bit < 8; bit += 1) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
    return n >>> 0;
  });
  const check = (bytes) => ~bytes.reduce((sum, byte) => CHECKS[(sum ^ byte) & 255] ^ (sum >>> 8), -1) >>> 0;

  // A ZIP archive without compression: each file with its header, then the directory and its end.
  function zip(files) {
    const parts = [], directory = [];
    let offset = 0;
    const write = (list, fields) => {
      const bytes = new DataView(new ArrayBuffer(fields.reduce((sum, [size]) => sum + size, 0)));
      fields.reduce((at, [size, value]) => {
        if (size === 2) bytes.setUint16(at, value, true);
        else bytes.setUint32(at, value, true);
        return at + size;
      }, 0);
      list.push(new Uint8Array(bytes.buffer));
    };
    for (const [path, text] of Object.entries(files)) {
      const name = new TextEncoder().encode(path), data = new TextEncoder().encode(text);
      // Version, flags (UTF-8), method (stored), time, date (2000-01-01), check, sizes, lengths.
      const facts = [[2, 20], [2, 2048], [2, 0], [2, 0], [2, 10273], [4, check(data)], [4, data.length],
        [4, data.length], [2, name.length], [2, 0]];
      write(parts, [[4, 0x04034b50], ...facts]);
      parts.push(name, data);
      write(directory, [[4, 0x02014b50], [2, 20], ...facts, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]);
      directory.push(name);
      offset += 30 + name.length + data.length;
    }
    const size = directory.reduce((sum, part) => sum + part.length, 0), count = Object.keys(files).length;
    const end = [];
    write(end, [[4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0]]);
    return new Blob([...parts, ...directory, ...end], { type: TYPE });
  }

  function readLines(text) {
    const lines = [[]];
    for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n|$)/g)) {
      lines[lines.length - 1].push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
      if (end === "\n") lines.push([]);
    }
    return lines.filter((line) => line.length > 1 || line[0]);
  }

  function writeCell(value, isText, isHead) {
    const number = !isText && !isHead && value !== "" && Number.isFinite(Number(value));
    if (number) return `<c s="${/^-?\d+$/.test(value) ? 3 : 2}"><v>${value}</v></c>`;
    // CSV has an apostrophe before what a spreadsheet would run.
    const text = value.replace(/^'(?=\s*[=+\-@\t\r])/, "");
    const escaped = text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);
    return `<c s="${isHead ? 1 : 0}" t="inlineStr"><is><t xml:space="preserve">${escaped}</t></is></c>`;
  }

  function makeWorkbook(csv, texts, title) {
    const lines = readLines(csv), heads = lines[0];
    const rows = lines.map((line, at) =>
      `<row>${line.map((value, n) => writeCell(value, texts.includes(heads[n]), at === 0)).join("")}</row>`);
    const sheet = `<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0">
<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>
<cols><col min="1" max="${heads.length}" width="16" customWidth="1"/></cols>
<sheetData>${rows.join("")}</sheetData></worksheet>`;
    const kind = `${TYPE.replace(".sheet", "")}.`;
    const override = (name, type) => `<Override PartName="/${name}" ContentType="${kind}${type}+xml"/>`;
    const relate = (id, type, target) =>
      `<Relationship Id="rId${id}" Type="${RELATIONS}/${type}" Target="${target}"/>`;
    const files = {
      "[Content_Types].xml": `<Types xmlns="${PACKAGE}content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
${override("xl/workbook.xml", "sheet.main")}${override("xl/worksheets/sheet1.xml", "worksheet")}
${override("xl/styles.xml", "styles")}</Types>`,
      "_rels/.rels": `<Relationships xmlns="${PACKAGE}relationships">${relate(1, "officeDocument", "xl/workbook.xml")}
</Relationships>`,
      "xl/workbook.xml": `<workbook xmlns="${MAIN}" xmlns:r="${RELATIONS}"><sheets>
<sheet name="${title}" sheetId="1" r:id="rId1"/></sheets></workbook>`,
      "xl/_rels/workbook.xml.rels": `<Relationships xmlns="${PACKAGE}relationships">
${relate(1, "worksheet", "worksheets/sheet1.xml")}${relate(2, "styles", "styles.xml")}</Relationships>`,
      "xl/styles.xml": STYLES,
      "xl/worksheets/sheet1.xml": sheet,
    };
    return zip(Object.fromEntries(Object.entries(files).map(([path, text]) => [path, HEAD + text])));
  }

  function save(link) {
    const bytes = Uint8Array.from(atob(link.href.split(",")[1]), (letter) => letter.charCodeAt(0));
    // The decoder drops the mark of UTF-8.
    const csv = new TextDecoder().decode(bytes);
    const name = link.download.replace(".csv", "");
    const made = makeWorkbook(csv, (link.dataset.text || "").split(" "), name);
    const hidden = document.createElement("a");
    hidden.href = URL.createObjectURL(made);
    hidden.download = `${name}.xlsx`;
    hidden.click();
    setTimeout(() => URL.revokeObjectURL(hidden.href), 60000);
  }

  for (const link of document.querySelectorAll("details.data a[download$='.csv']")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Save for Excel";
    button.addEventListener("click", () => save(link));
    link.after(" ", button);
  }
})();
