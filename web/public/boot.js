// Before the first paint: the theme and language that were chosen, so that nothing flashes; and what this page needs is fetched beside the
// app that will ask for it. A file, for the policy has no inline scripts.
;(function () {
  // The files of each page, its texts among them, by language: scripts/preload.mjs writes them into what is built.
  var FILES = { pages: {}, texts: {} }
  var root = document.documentElement
  var chosen = {}
  try {
    chosen = JSON.parse(localStorage.getItem('kosmo.preferences') || '{}') || {}
    if (chosen.theme === 'dark' || chosen.theme === 'light') root.dataset.theme = chosen.theme
    if (chosen.language === 'en' || chosen.language === 'cs' || chosen.language === 'de') root.lang = chosen.language
  } catch {
    // Storage is closed to this page, or holds something else: the defaults do.
  }
  var spoken = [chosen.language].concat(navigator.languages || []).map(function (tag) { return String(tag).slice(0, 2).toLowerCase() })
  var texts = FILES.texts[spoken.find(function (tag) { return tag in FILES.texts })] || FILES.texts.en || {}
  var page = Object.keys(FILES.pages).find(function (pattern) { return new RegExp(pattern).test(location.pathname) })
  if (page === undefined) return
  var found = FILES.pages[page]
  ;[texts.shell, texts[found.texts]].concat(found.files).forEach(function (file) {
    if (file === undefined) return
    var link = document.createElement('link')
    link.rel = 'modulepreload'
    link.crossOrigin = ''
    link.href = file
    document.head.append(link)
  })
})()
