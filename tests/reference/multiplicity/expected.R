# p-values adjusted for multiple testing by p.adjust. Run:  Rscript expected.R > expected.json
suppressMessages(library(jsonlite))
set.seed(20)
sets <- list(one = 0.03, ties = c(0.01, 0.01, 0.04, 0.04, 0.2), missing = c(0.001, NA, 0.02, NA, 0.6),
             ends = c(0, 1, 0.5, 1e-300), equal = rep(0.04, 5), many = signif(rbeta(134, 0.5, 1.5), 17))
text <- function(p) ifelse(is.na(p), NA, sprintf("%.17g", p))
adjusted <- lapply(sets, function(p) lapply(list(
  p = p, holm = p.adjust(p, "holm"), bh = p.adjust(p, "BH"),
  holm_more = p.adjust(p[!is.na(p)], "holm", n = length(p) + 7),
  bh_more = p.adjust(p[!is.na(p)], "BH", n = length(p) + 7)), text))
cat(toJSON(list(versions = list(R = as.character(getRversion())), result = adjusted),
           auto_unbox = FALSE, na = "null", pretty = TRUE), "\n")
