// Before the first paint: the theme and language that were chosen, so that nothing flashes. A file, for the policy has no inline scripts.
;(function () {
  var root = document.documentElement
  try {
    var chosen = JSON.parse(localStorage.getItem('kosmo.preferences') || '{}')
    if (chosen.theme === 'dark' || chosen.theme === 'light') root.dataset.theme = chosen.theme
    if (chosen.language === 'en' || chosen.language === 'cs' || chosen.language === 'de') root.lang = chosen.language
  } catch {
    // Storage is closed to this page, or holds something else: the defaults do.
  }
})()
