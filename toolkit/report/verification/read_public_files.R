# The files are read from the folder NHANES_FOLDER (any layout), and downloaded into it if they are absent.
folder <- Sys.getenv("NHANES_FOLDER", file.path(here, "files"))
known_files <- list.files(folder, recursive = TRUE, full.names = TRUE)
public_file <- function(name, address, sha256) {
  path <- known_files[tolower(basename(known_files)) == tolower(paste0(name, ".xpt"))][1]
  if (is.na(path)) {
    dir.create(folder, showWarnings = FALSE, recursive = TRUE)
    path <- file.path(folder, paste0(name, ".xpt"))
    download.file(address, path, mode = "wb", quiet = TRUE)
  }
  if (!requireNamespace("digest", quietly = TRUE)) cat(name, ": its SHA-256 is not checked, because R lacks the package digest.\\n")
  else if (digest::digest(path, algo = "sha256", file = TRUE) != sha256) stop(name, " is not the file of the study: its SHA-256 differs. It was revised, or is damaged.")
  read <- foreign::read.xport(path)
  names(read) <- toupper(names(read))
  read
}
blank_to_na <- function(x) { x <- trimws(as.character(x)); ifelse(x == "", NA, x) }
# One number per person from several rows: whether any counts, or their total; NA if an open row could decide.
any_row <- function(person, counts, open) {
  yes <- tapply(!is.na(counts) & counts, person, any)
  unsettled <- tapply(is.na(counts) | open, person, any)
  ifelse(yes, 1, ifelse(unsettled, NA, 0))
}
total_row <- function(person, counts, each, open) {
  own <- choose(counts, each, choose(is.na(counts), NA, 0))
  total <- tapply(own, person, sum)
  ifelse(tapply(is.na(own) | open, person, any), NA, total)
}
of_person <- function(found, person, present, empty) {
  value <- as.numeric(found[match(as.character(person), names(found))])
  ifelse(as.character(person) %in% as.character(present), value, empty)
}
