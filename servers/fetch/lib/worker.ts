// The worker's entry: DOM and Readability live here, in a heap of their own with a limit, and end with it.
import { parentPort } from 'node:worker_threads'
import { Readability } from '@mozilla/readability'
import { parseHTML } from 'linkedom'
import { type DomJob, type DomLibraries, extractDom } from './dom.ts'

const libraries: DomLibraries = {
  parse: (html) => parseHTML(html).document as never,
  readable(document) {
    const article = new Readability<unknown>(document as never, {
      keepClasses: true, // the language of code is in them
      charThreshold: 200,
      serializer: (element) => element,
    }).parse()
    if (article?.content == null) return undefined
    return {
      content: article.content as never,
      ...(article.title == null ? {} : { title: article.title }),
      ...(article.byline == null ? {} : { byline: article.byline }),
      ...(article.publishedTime == null ? {} : { published: article.publishedTime }),
      ...(article.lang == null ? {} : { language: article.lang }),
    }
  },
}

parentPort?.on('message', async (job: DomJob) => {
  try {
    parentPort?.postMessage({ result: await extractDom(job, libraries) })
  } catch (error) {
    // A page that is too deep or too strange for the libraries; it is read as a stream instead.
    parentPort?.postMessage({ failure: (error as Error).message.slice(0, 200) })
  }
})
