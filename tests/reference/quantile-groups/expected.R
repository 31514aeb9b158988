# Quantile groups by R's survey package, on the tables of ../r-survey/data.
# Rscript expected.R > expected.json   (in this folder)
library(survey)
library(jsonlite)

read <- function(name) read.csv(file.path("..", "r-survey", "data", paste0(name, ".csv")))
clus1 <- read("apiclus1")
strat <- read("apistrat")
mu <- read("mu284")
designs <- list(
  apiclus1 = svydesign(~dnum, weights = ~pw, fpc = ~fpc, data = clus1),
  apistrat = svydesign(~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = strat),
  mu284 = svydesign(~id1 + id2, fpc = ~n1 + n2, data = mu)
)

# The cut points of svyquantile, groups that include their upper end, their people and weighted shares.
groups <- function(name, variable, into, domain = NULL) {
  design <- designs[[name]]
  if (!is.null(domain)) design <- subset(design, eval(domain, design$variables))
  probs <- seq_len(into - 1) / into
  found <- svyquantile(reformulate(variable), design, probs, qrule = "math", ci = FALSE, na.rm = TRUE)
  cuts <- unique(as.numeric(found[[1]]))
  values <- design$variables[[variable]]
  group <- cut(values, c(-Inf, cuts, Inf))
  shares <- svymean(~group, update(design, group = group), na.rm = TRUE)
  list(
    id = paste(name, variable, into, deparse(domain), sep = "/"), study = name, variable = variable,
    into = into, domain = if (is.null(domain)) "" else deparse(domain), cuts = cuts,
    persons = as.integer(table(group)), shares = as.numeric(shares), se = as.numeric(SE(shares))
  )
}

entries <- list(
  groups("apiclus1", "api00", 3),
  groups("apiclus1", "api00", 4),
  groups("apiclus1", "meals", 5),
  groups("apiclus1", "col.grad", 3),
  groups("apistrat", "api00", 4, quote(enroll >= 500)),
  groups("apistrat", "meals", 10),
  groups("mu284", "y1", 3)
)
versions <- list(R = as.character(getRversion()), survey = as.character(packageVersion("survey")))
cat(toJSON(list(versions = versions, entries = entries), auto_unbox = TRUE, digits = NA, pretty = TRUE), "\n")
